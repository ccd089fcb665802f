#!/usr/bin/env bash
# The hosted workflow against its schema, and the Dockerfile against hadolint.
#
#   ci/workflow.sh [WORKFLOW [DOCKERFILE]]
set -uo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
bin=$(dirname "${PYTHON:-$root/.venv/bin/python}")
workflow=${1:-.github/workflows/quality-gates.yml}
dockerfile=${2:-Dockerfile}
status=0

"$bin/check-jsonschema" --builtin-schema vendor.github-workflows "$workflow" || status=1
if grep -nE '^\s*(-\s+)?uses:' "$workflow" | grep -vE '@[0-9a-f]{40}(\s|$)'; then
    echo "FAILED an action is not pinned by its commit"
    status=1
fi
"$bin/hadolint" "$dockerfile" || status=1
[ "$status" -eq 0 ] && echo "workflow and Dockerfile: passed"
exit "$status"
