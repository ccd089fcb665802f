#!/usr/bin/env bash
# PostgreSQL and Redis for the tests: says what is there, and installs the Debian packages where that is allowed.
#
# The tests start private servers of their own from these binaries, on free ports, and stop them; no service of the
# machine is started or touched. What cannot be had is named: its tests print that they were skipped.
set -uo pipefail

has_postgres() { command -v initdb > /dev/null || compgen -G "/usr/lib/postgresql/*/bin/initdb" > /dev/null; }
has_redis() { command -v redis-server > /dev/null || command -v valkey-server > /dev/null; }

missing=()
has_postgres || missing+=(postgresql)
has_redis || missing+=(redis-server)
[ ${#missing[@]} -eq 0 ] && exit 0
if ! command -v apt-get > /dev/null || [ "$(id -u)" != 0 ]; then
    echo "tests without a server: ${missing[*]} (not installed, and apt-get cannot be used)"
    exit 0
fi
echo "installing ${missing[*]} for the tests"
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
apt-get update -qq > /dev/null || echo "apt-get update failed"
for package in "${missing[@]}"; do
    apt-get install -y -qq --no-install-recommends "$package" > /dev/null 2>&1 \
        || echo "tests without a server: $package could not be installed"
done
exit 0
