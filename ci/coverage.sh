#!/usr/bin/env bash
# Coverage gate: lines of .py and .pyx and branches of .py from two runs, judged as one by ci/coverage_gate.py.
#
#   ci/coverage.sh                     both runs, the report, the gate
#   ci/coverage.sh --build             the traced build alone: what a later run finds done
#   ci/coverage.sh PYTEST ARGUMENTS    the traced run alone, of these tests
#
# What waits for processes (integration, e2e) covers Python files in its ordinary run: ci/test.sh leaves that in
# MEASURED, and where that is not set it is made here. Unit and property tests run in a traced copy of the tree:
# .pyx lines, in nogil functions too (Python 3.11), and the Python around them. The copy keeps the -O0 objects of the
# traced build away from the tree that people run. The packages needed are those of the `test` and `dev` extras.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
export PYTHON=${PYTHON:-$root/.venv/bin/python}
copy=$root/build/coverage
cd "$root"

status=0
measured=()
if [ $# -eq 0 ]; then
    measured=("${MEASURED:-$root/build/measured}")
    [ -n "${MEASURED:-}" ] || MEASURED=${measured[0]} ci/test.sh --measured || status=$?
fi

# Copied by content and time, so that a second run rebuilds what changed and nothing else.
mkdir -p "$copy"
git ls-files -z --cached --others --exclude-standard > "$copy.list"
"$PYTHON" ci/copy_tree.py "$root" "$copy" < "$copy.list"

cd "$copy"
if [ -z "${CC:-}" ]; then # without optimisation it compiles more than twice as fast as gcc
    CC=$(command -v clang || command -v clang-14 || command -v cc)
    export CC
fi
began=$SECONDS
BOT4_BUILD=coverage BOT4_SANITIZE='' "$PYTHON" setup.py -q build_ext --inplace > build.log 2>&1 ||
    { tail -40 build.log >&2; exit 1; }
echo "traced build: $((SECONDS - began)) s"
[ "${1:-}" != --build ] || exit 0

rm -f .coverage .coverage.* coverage.json
paths=("$@")
# Two files of the ordinary run are the only ones that know these rooms of the core.
[ $# -gt 0 ] || paths=(tests/unit tests/property tests/integration/test_{reasoned_policy,strategy_thread}.py)
export BOT4_HYPOTHESIS_PROFILE=coverage PYTHONPATH=$copy PYTHONDONTWRITEBYTECODE='' PYTHONPYCACHEPREFIX=$root/build/pycache
"$PYTHON" -m coverage run -m pytest -q -n "${BOT4_WORKERS:-$(nproc)}" --dist worksteal \
    -m "not slow and not untraced and not alone" -p no:benchmark --durations=15 "${paths[@]}" || status=$?
# Also after a test failed: the figures are worth seeing, the exit code tells.
"$PYTHON" ci/coverage_tracers.py . "${measured[@]}"
"$PYTHON" -m coverage combine -q --keep . "${measured[@]}"
"$PYTHON" ci/coverage_report.py coverage.json
"$PYTHON" ci/coverage_gate.py coverage.json || status=$?
exit "$status"
