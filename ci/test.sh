#!/usr/bin/env bash
# All tests: first what may share the cores, then alone what starts many threads or measures time.
#
#   ci/test.sh [PYTEST ARGUMENTS]      with arguments: one plain run of pytest with them
#
# Prints every skip with its reason and ends with "N passed, N failed, N skipped".
set -uo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
python=${PYTHON:-${VENV:-.venv}/bin/python}
if [ $# -gt 0 ]; then
    exec "$python" -m pytest "$@"
fi

ci/servers.sh
reports=$root/build/tests
mkdir -p "$reports"
rm -f "$reports"/*.xml
status=0
alone=(tests/architecture)
[ -d tests/concurrency ] && alone+=(tests/concurrency)
shared=()
for folder in tests/*/; do
    case $folder in
        tests/architecture/ | tests/concurrency/ | tests/oracles/ | tests/*__pycache__/) ;;
        *) shared+=("$folder") ;;
    esac
done
"$python" -m pytest -q -n "${BOT4_WORKERS:-$(nproc)}" --dist worksteal --junitxml "$reports/shared.xml" "${shared[@]}" \
    || status=$?
"$python" -m pytest -q -p no:xdist --junitxml "$reports/alone.xml" "${alone[@]}" || status=$?
"$python" ci/tally.py "$reports"/*.xml || status=$?
exit "$status"
