#!/usr/bin/env bash
# Every gate that judges sources without running them. All run, also after one failed.
set -uo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
python=${PYTHON:-$root/.venv/bin/python}
failed=()

gate() {
    local name=$1
    shift
    "$@" || failed+=("$name")
}

gate lint ci/lint.sh
gate imports "$python" ci/import_contract.py
gate determinism "$python" ci/determinism.py
gate docs "$python" ci/docs_gate.py
gate workflow ci/workflow.sh

if [ ${#failed[@]} -gt 0 ]; then
    printf 'check: FAILED %s\n' "${failed[@]}"
    exit 1
fi
echo "check: passed"
