#!/bin/sh
# Fuzzes every parser of files and requests: scripts/fuzz.sh [SECONDS per target, default 60] [TARGET…]
#
# Needs cargo-fuzz (cargo install cargo-fuzz --locked) and a C++ compiler for libFuzzer; the stable toolchain will do:
# no sanitizer is used, for what is sought is a panic, an overflow, a hang or absurd memory. Inputs that libFuzzer
# discovers stay in fuzz/target/corpus (not in the repository) and are used again by the next run; an input that breaks
# a parser is written to fuzz/artifacts/TARGET and ends the script with an error.
set -eu
cd "$(dirname "$0")/.."

seconds=60
case "${1:-}" in
    "") ;;
    *[!0-9]*) ;;
    *) seconds=$1; shift ;;
esac
if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "fuzz: cargo-fuzz is missing; install it with: cargo install cargo-fuzz --locked" >&2
    exit 1
fi
command -v c++ >/dev/null 2>&1 || { echo "fuzz: a C++ compiler is missing (Debian: build-essential)" >&2; exit 1; }

[ $# -gt 0 ] || set -- $(cargo fuzz list)
failed=""
for target in "$@"; do
    found="fuzz/target/corpus/$target"
    mkdir -p "$found" "fuzz/artifacts/$target"
    echo "fuzz: $target for $seconds s"
    cargo fuzz run --sanitizer none "$target" "$found" "fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 || failed="$failed $target"
done
[ -z "$failed" ] || { echo "fuzz: findings in:$failed (inputs in fuzz/artifacts)" >&2; exit 1; }
echo "fuzz: no findings"
