#!/usr/bin/env bash
# Core tests under a sanitizer, in a copy of the tree, so that the tree people run keeps its own build.
#
#   ci/sanitize.sh thread     rings, waiters and pool under real threads, ThreadSanitizer
#   ci/sanitize.sh address [PYTEST ARGUMENTS]     unit and property tests of the core, AddressSanitizer and UBSan
#   ci/sanitize.sh leak       the memory room's unit tests, LeakSanitizer (with the build of `address`)
#
# Each mode first shows that this set-up reports at all: a planted race, overflow or leak must end the run with another
# exit code than 0. Needs gcc (clang's ThreadSanitizer does not start under a stock Python). BOT4_ONLY limits the build.
set -euo pipefail

mode=${1:-}
case $mode in
    thread) flags=thread ;;
    address | leak) flags=address,undefined ;;
    *)
        echo "usage: ci/sanitize.sh thread | address [PYTEST ARGUMENTS] | leak" >&2
        exit 64
        ;;
esac
shift

root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-${VENV:-$root/.venv}/bin/python}
python=$(command -v "$python")
cc=${CC:-gcc}
copy=$root/build/sanitize-${flags%%,*}

runtime() { # runtime NAME: the library to preload; gcc prints the bare name back where it has none
    local path
    path=$("$cc" -print-file-name="lib$1.so")
    if [ ! -e "$path" ]; then
        echo "sanitize: $cc has no lib$1.so (Debian: apt-get install gcc)" >&2
        exit 69
    fi
    echo "$path"
}

mkdir -p "$copy"
cd "$root"
git ls-files -z --cached --others --exclude-standard > "$copy.list"
"$python" ci/copy_tree.py "$root" "$copy" < "$copy.list"
cd "$copy"
export PYTHONPATH=$copy PYTHONDONTWRITEBYTECODE=1
# numpy and the interpreter are not instrumented: what is watched is the core.
if [ "$mode" = thread ]; then only=${BOT4_ONLY:-_core/types,_core/mem}; else only=${BOT4_ONLY:-}; fi
echo "sanitize: building with -fsanitize=$flags${only:+ ($only)}"
CC=$cc BOT4_BUILD=release BOT4_SANITIZE=$flags BOT4_ONLY=$only "$python" setup.py -q build_ext --inplace > build.log 2>&1 ||
    { tail -40 build.log >&2; exit 1; }
"$cc" -shared -fPIC -O0 -g -pthread "-fsanitize=$flags" -fno-sanitize-recover=undefined -fno-wrapv \
    -o planted.so "$copy/ci/sanitize_planted.c"

# The interpreter must be the binary itself: a shell shim would have the runtime preloaded into the shell.
"$python" -c 'import os, sys; raise SystemExit(open(os.path.realpath(sys.executable), "rb").read(4) != b"\x7fELF")' ||
    { echo "sanitize: $python is not the interpreter's binary" >&2; exit 1; }
case $mode in
    thread) preload=$(runtime tsan) ;;
    *)
        preload="$(runtime asan) $(runtime ubsan)"
        export PYTHONMALLOC=malloc # each object a block of its own, so that its overrun or leak is seen
        ;;
esac
leaks=0 fast_unwind=1
# Whole stacks cost time and are needed to tell numpy's own leaks from ours.
[ "$mode" = leak ] && leaks=1 fast_unwind=0
# Not laid out at random: ThreadSanitizer refuses some of the layouts that newer kernels give.
fixed=()
if setarch "$(uname -m)" -R true 2> /dev/null; then fixed=(setarch "$(uname -m)" -R); fi
watched() {
    "${fixed[@]}" env LD_PRELOAD="$preload" \
        TSAN_OPTIONS="halt_on_error=0 exitcode=66 report_thread_leaks=0" \
        ASAN_OPTIONS="detect_leaks=$leaks fast_unwind_on_malloc=$fast_unwind allocator_may_return_null=1 exitcode=66" \
        LSAN_OPTIONS="exitcode=66 print_suppressions=0 suppressions=$copy/ci/leak_suppressions.txt" \
        UBSAN_OPTIONS="print_stacktrace=1 halt_on_error=1" "$python" "$@"
}
must_fail() { # must_fail WHAT TEXT COMMAND...: the control of this guard
    local what=$1 text=$2 code=0
    shift 2
    "$@" > control.log 2>&1 || code=$?
    if [ "$code" = 0 ] || ! grep -q "$text" control.log; then
        tail -20 control.log >&2
        echo "sanitize: the planted $what was not reported (exit code $code)" >&2
        exit 1
    fi
    echo "sanitize: planted $what reported, exit code $code"
}
planted() { watched -c "import ctypes, sys; getattr(ctypes.CDLL('./planted.so'), sys.argv[1])()" "$1"; }
suites() { # suites FOLDER: its tests of the core's rooms
    local room
    for room in account base book brain core engine journal mem risk sim ta types wire; do
        compgen -G "tests/$1/test_${room}*.py" || true
        compgen -G "tests/$1/${room}/test_*.py" || true
    done
}

case $mode in
    thread)
        must_fail "race in C" "data race" planted race
        must_fail "relaxed publish in a ring" "data race" \
            watched -m bot4._core.mem.stress --records 20000 --threads 2 --kind relaxed_spsc_event
        watched -m bot4._core.mem.stress --records 20000 --threads 2 8 64 256
        ;;
    address)
        must_fail "heap overflow" "heap-buffer-overflow" planted heap_overflow
        must_fail "signed overflow" "signed integer overflow" planted signed_overflow
        export BOT4_HYPOTHESIS_PROFILE=coverage
        files=("$@")
        # Those that preload a shim of their own leave no first place for the sanitizer's runtime.
        [ $# -gt 0 ] || mapfile -t files < <({ suites unit; suites property; } | xargs grep -L 'LD_PRELOAD')
        [ ${#files[@]} -gt 0 ] || { echo "sanitize: no tests found" >&2; exit 1; }
        watched -m pytest -q -m "not slow" -p no:benchmark -n "${BOT4_WORKERS:-$(nproc)}" "${files[@]}"
        ;;
    leak)
        must_fail "leak in C" "detected memory leaks" planted leak
        must_fail "reference kept to a ring" "detected memory leaks" watched -c "import ctypes
from bot4._core.mem.spsc_ring import SpscRing
ctypes.pythonapi.Py_IncRef(ctypes.py_object(SpscRing(8)))"
        watched -m bot4._core.mem.stress --records 20000 --threads 2 8
        mapfile -t files < <(suites unit | grep /test_mem)
        watched -m pytest -q -p no:benchmark -p no:xdist "${files[@]}"
        ;;
esac
echo "sanitize: $mode clean"
