#!/usr/bin/env bash
# Lint gate: ruff (rules and format), mypy --strict, stubs against the compiled modules, cython-lint.
#
#   ci/lint.sh            every check runs, also after one failed
set -uo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
bin=$(cd "$(dirname "${PYTHON:-$root/.venv/bin/python}")" && pwd)
export PATH=$bin:$PATH   # cython-lint starts pycodestyle by name
python=$bin/python
failed=()

check() {
    local name=$1
    shift
    echo "-- $name"
    "$@" || failed+=("$name")
}

stubs() {
    # Only modules that were built here: with BOT4_ONLY there may be stubs without their module.
    local modules
    modules=$("$python" - <<'PYTHON'
from importlib.util import find_spec
from pathlib import Path

for stub in sorted(Path("bot4").rglob("*.pyi")):
    name = ".".join(stub.with_suffix("").parts)
    if stub.with_suffix(".pyx").exists() and find_spec(name) is None:
        raise SystemExit(f"{name} is not built")
    print(name)
PYTHON
    ) || return 1
    # shellcheck disable=SC2086  # one word a module
    "$python" -m mypy.stubtest --allowlist ci/stubtest-allowlist.txt --ignore-unused-allowlist \
        --ignore-disjoint-bases --concise $modules
}

check "ruff rules" "$python" -m ruff check .
check "ruff format" "$python" -m ruff format --check .
check "mypy --strict" "$python" -m mypy
check "stubs against compiled modules" stubs
mapfile -t cython_sources < <(git ls-files --cached --others --exclude-standard '*.pyx' '*.pxd')
check "cython-lint" cython-lint --max-line-length 120 "${cython_sources[@]}"
check "every .pyx has its .pxd and .pyi" "$python" ci/triples.py

if [ ${#failed[@]} -gt 0 ]; then
    printf 'lint gate: FAILED %s\n' "${failed[@]}"
    exit 1
fi
echo "lint gate: passed"
