#!/bin/sh
# Fuzzes the frame scanner: ci/fuzz.sh [SECONDS], 60 by default.
#
# Builds the target with libFuzzer, AddressSanitizer and UBSan (clang, or $CLANG), makes a corpus with the project's own
# frame generator, and first shows that the target sees what it is for: four copies of the headers with one planted fault
# each (a load past the end, a digit off the grid let through, a number with a leading zero taken, an event too many) must
# make it fail. Then the real headers are fuzzed for SECONDS. A finding is left in $BOT4_FUZZ_DIR (default: a temporary
# folder, named at the end).
set -eu

seconds="${1:-60}"
root="$(cd "$(dirname "$0")/.." && pwd)"
python="${PYTHON:-python3}"
clang="${CLANG:-$(command -v clang || command -v clang-14 || true)}"
if [ -z "$clang" ]; then
    echo "fuzz: clang with libFuzzer is needed (Debian: apt-get install clang-14 libclang-rt-14-dev)" >&2
    exit 69
fi
work="${BOT4_FUZZ_DIR:-$(mktemp -d)}"
mkdir -p "$work"
"$python" "$root/tests/fuzz/make_corpus.py" "$work/seeds"

build() { # build INCLUDE OUTPUT
    for part in fuzz portable; do
        "$clang" -std=gnu11 -g -O1 -msse4.1 -Wall -Wextra -Werror -fno-omit-frame-pointer -fno-sanitize-recover=undefined \
            -fsanitize=fuzzer-no-link,address,undefined -I"$1" -c "$root/tests/fuzz/wire_scan_$part.c" -o "$2-$part.o"
    done
    "$clang" -fsanitize=fuzzer,address,undefined "$2-fuzz.o" "$2-portable.o" -o "$2"
}

run() { # run TARGET SECONDS LOG
    rm -rf "$1-corpus" && mkdir "$1-corpus"
    "$1" -max_total_time="$2" -max_len=1500 -timeout=10 -rss_limit_mb=2048 -dict="$work/dictionary" -print_final_stats=1 \
        -artifact_prefix="$1-" "$1-corpus" "$work/seeds" >"$3" 2>&1
}

plant() { # plant NAME HEADER FROM TO: a copy of the headers with one fault must be caught
    rm -rf "$work/$1-include" && cp -r "$root/bot4/_core/include" "$work/$1-include"
    "$python" - "$work/$1-include/bot4/$2" "$3" "$4" <<'PY'
import pathlib, sys
path, before, after = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
text = path.read_text()
if text.count(before) != 1:
    sys.exit(f"fuzz: the fault to plant in {path.name} must replace one place, found {text.count(before)} of {before!r}")
path.write_text(text.replace(before, after))
PY
    build "$work/$1-include" "$work/$1"
    if run "$work/$1" 60 "$work/$1.log"; then
        echo "fuzz: the planted fault '$1' was not caught" >&2
        exit 1
    fi
    if ! grep -qE 'AddressSanitizer|invariant broken|runtime error' "$work/$1.log"; then
        echo "fuzz: the planted fault '$1' ended the target in another way than by being caught:" >&2
        tail -20 "$work/$1.log" >&2
        exit 1
    fi
    echo "fuzz: planted fault '$1' caught: $(grep -m1 -oE 'AddressSanitizer: [a-z-]+|invariant broken: [^(]*|runtime error: .*' "$work/$1.log")"
}

# Side by side: each is mostly the compiler, and a finding after a second.
plants=
plant overread json.h 'if (BOT4_LIKELY(end - p >= 16)) return' 'return' & plants="$plants $!"
plant offgrid decimal.h 'return bot4_units_to_steps(grid, units, finer == 0, steps);' 'return bot4_units_to_steps(grid, units, finer != 1, steps);' & plants="$plants $!"
plant leadingzero scan_quick.h "|| (*p == '0' && count > 1)" '' & plants="$plants $!"
plant overflow scan_levels.h 'if (BOT4_UNLIKELY(index + 1 >= scan->capacity))' 'if (BOT4_UNLIKELY(index >= scan->capacity))' & plants="$plants $!"
build "$root/bot4/_core/include" "$work/scanner"
failed=0
for plant in $plants; do wait "$plant" || failed=1; done
[ "$failed" = 0 ] || exit 1

if ! run "$work/scanner" "$seconds" "$work/scanner.log"; then
    tail -40 "$work/scanner.log" >&2
    echo "fuzz: a finding, left in $work" >&2
    exit 1
fi
grep -E 'stat::number_of_executed_units|stat::average_exec_per_sec' "$work/scanner.log" | sed 's/^/fuzz: /'
grep -oE 'cov: [0-9]+ ft: [0-9]+ corp: [0-9]+' "$work/scanner.log" | tail -1 | sed 's/^/fuzz: /'
if [ -z "${BOT4_FUZZ_DIR:-}" ]; then rm -rf "$work"; fi
echo "fuzz: clean"
