#!/usr/bin/env bash
# Makes .venv and keeps it in step with pyproject.toml and setup.py.
#
#   ci/venv.sh run      what `bot4 run` needs
#   ci/venv.sh dev      and what tests and gates need
#
# Environment: PYTHON (3.11 to 3.13; by default the first one found), VENV (default .venv).
# Fast when nothing changed: one stamp a level, with the interpreter's version and the files' digest.
set -euo pipefail

level=${1:?run or dev}
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
venv=${VENV:-.venv}

version_of() { "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null; }
is_supported() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11 "$HOME"/.pyenv/versions/3.1[123]*/bin/python3; do
        if command -v "$candidate" > /dev/null && is_supported "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    echo "bot4 needs Python 3.11 to 3.13: none found (say which with PYTHON=/path/to/python3)" >&2
    return 1
}

python=${PYTHON:-}
if [ -z "$python" ] && [ -x "$venv/bin/python" ] && is_supported "$venv/bin/python"; then
    python=$venv/bin/python   # an environment that stands is kept, whatever else is installed by now
fi
python=${python:-$(find_python)}
is_supported "$python" || { echo "bot4 needs Python 3.11 to 3.13, $python is $(version_of "$python")" >&2; exit 1; }

wanted="$(version_of "$python") $(cat pyproject.toml setup.py | cksum)"
stamp=$venv/.bot4-$level
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0
# The larger set holds the smaller one.
[ "$level" = run ] && [ -f "$venv/.bot4-dev" ] && [ "$(cat "$venv/.bot4-dev")" = "$wanted" ] && exit 0

if [ "$(version_of "$venv/bin/python" || true)" != "$(version_of "$python")" ]; then
    echo "making $venv with Python $(version_of "$python")"
    rm -rf "$venv"
    "$python" -m venv "$venv" || { echo "python -m venv failed (Debian: apt-get install python3-venv)" >&2; exit 1; }
fi
pip() { "$venv/bin/python" -m pip --disable-pip-version-check --quiet "$@"; }

echo "installing what bot4 needs to $level into $venv"
mapfile -t needed < <("$venv/bin/python" - "$level" << 'PYTHON'
import sys
import tomllib

with open("pyproject.toml", "rb") as file:
    settings = tomllib.load(file)
project = settings["project"]
print(*settings["build-system"]["requires"], *project["dependencies"], sep="\n")
if sys.argv[1] == "dev":
    extras = project["optional-dependencies"]
    print(*extras["test"], *extras["dev"], sep="\n")
PYTHON
)
pip install "${needed[@]}"
# The package itself, editable and without its modules: ci/compile_core.py compiles those, with progress to see.
BOT4_ONLY=nothing pip install --no-build-isolation --no-deps --editable .
rm -f "$venv"/.bot4-*
echo "$wanted" > "$stamp"
