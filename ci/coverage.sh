#!/usr/bin/env bash
# Coverage gate: tests over a traced copy of the tree, .pyx lines included, judged by ci/coverage_gate.py.
#
#   ci/coverage.sh [PYTEST ARGUMENTS]      default: tests/unit tests/property tests/integration tests/e2e
#
# The copy keeps the -O0 objects of the traced build away from the tree that people run. Python 3.11 gives .pyx lines
# in nogil functions too; the packages needed are those of the `test` and `dev` extras.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
copy=$root/build/coverage

# Copied by content and time, so that a second run rebuilds what changed and nothing else.
mkdir -p "$copy"
cd "$root"
git ls-files -z --cached --others --exclude-standard > "$copy.list"
"$python" ci/copy_tree.py "$root" "$copy" < "$copy.list"

cd "$copy"
BOT4_BUILD=coverage BOT4_SANITIZE='' "$python" setup.py -q build_ext --inplace

rm -f .coverage .coverage.* coverage.json
if [ $# -gt 0 ]; then
    paths=("$@")
else
    paths=()
    for suite in unit property integration e2e; do
        [ -d "tests/$suite" ] && paths+=("tests/$suite")
    done
fi
export BOT4_HYPOTHESIS_PROFILE=coverage PYTHONPATH=$copy PYTHONDONTWRITEBYTECODE=1
status=0
"$python" -m coverage run -m pytest -q -n "${BOT4_WORKERS:-$(nproc)}" --dist worksteal -m "not slow and not untraced" \
    -p no:benchmark --durations=15 "${paths[@]}" || status=$?
# Also after a test failed: the figures are worth seeing, the exit code tells.
"$python" -m coverage combine -q
"$python" ci/coverage_report.py coverage.json
"$python" ci/coverage_gate.py coverage.json || status=$?
exit "$status"
