#!/usr/bin/env bash
# All tests: those that compute, a worker a core; those that wait for each other's processes, two a core, which keeps it
# half busy; then, alone, those that start many threads or measure time (marked `alone`).
#
#   ci/test.sh [PYTEST ARGUMENTS]      with arguments: one plain run of pytest with them
#   ci/test.sh --measured              only the tests that wait, with their coverage: what ci/coverage.sh takes up
#
# With BESIDE="PID..." the tests that measure wait for those processes to end.
# With MEASURED=FOLDER the tests that wait leave there what they covered of the Python files.
# Prints every skip with its reason and ends with "N passed, N failed, N skipped".
set -uo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
python=${PYTHON:-${VENV:-.venv}/bin/python}
waiting=(tests/integration tests/e2e)
cores=${BOT4_WORKERS:-$(nproc)}
# Hundreds of processes read the same modules: each is compiled once, also where the environment says otherwise.
export PYTHONDONTWRITEBYTECODE='' PYTHONPYCACHEPREFIX=$root/build/pycache

wait_for_processes() { # ARGUMENTS...: run the tests that wait, measured where MEASURED is set
    local run=(-m pytest)
    if [ -n "${MEASURED:-}" ]; then
        rm -rf "$MEASURED"
        mkdir -p "$MEASURED"
        run=(-m coverage run --data-file="$MEASURED/.coverage" -m pytest)
    fi
    "$python" "${run[@]}" -q -n $((2 * cores)) --dist worksteal -m "not alone" "$@" "${waiting[@]}"
}

case ${1:-} in
    --measured)
        ci/servers.sh
        wait_for_processes
        exit
        ;;
    ?*) exec "$python" -m pytest "$@" ;;
esac

ci/servers.sh
reports=$root/build/tests
mkdir -p "$reports"
rm -f "$reports"/*.xml
status=0
computing=()
for folder in tests/*/; do
    folder=${folder%/}
    compgen -G "$folder/test_*.py" > /dev/null || continue
    [[ " ${waiting[*]} " == *" $folder "* ]] || computing+=("$folder")
done
"$python" -m pytest -q -n "$cores" --dist worksteal -m "not alone" --junitxml "$reports/computing.xml" "${computing[@]}" ||
    status=$?
wait_for_processes --junitxml "$reports/waiting.xml" || status=$?
for pid in ${BESIDE:-}; do
    while kill -0 "$pid" 2> /dev/null; do sleep 1; done
done
mapfile -t alone < <(grep -rl --include 'test_*.py' 'pytest\.mark\.alone' tests)
"$python" -m pytest -q -p no:xdist -m alone --junitxml "$reports/alone.xml" "${alone[@]}" || status=$?
"$python" ci/tally.py "$reports"/*.xml || status=$?
exit "$status"
