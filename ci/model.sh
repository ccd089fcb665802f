#!/usr/bin/env bash
# The headers of rings, waiter, view and breaker under the relacy model checker, planted faults included.
#
#   ci/model.sh            needs g++ and relacy (Debian: apt-get install g++ relacy-dev)
set -euo pipefail

cd "$(dirname "$0")/.."
python=${PYTHON:-${VENV:-.venv}/bin/python}
if [ ! -f /usr/include/relacy/relacy_std.hpp ] || ! command -v g++ > /dev/null; then
    echo "model: g++ and relacy are needed (Debian: apt-get install g++ relacy-dev)" >&2
    exit 69
fi
exec "$python" -m pytest -q -p no:xdist tests/concurrency/test_mem_model.py tests/concurrency/test_risk_breaker_kill.py "$@"
