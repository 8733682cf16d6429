#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every check, as CI runs them: tests/run.sh BUILD
#   1. formatting, and warnings as errors in two compilers
#   2. every suite on the release build
#   3. the quick suite under address and undefined-behaviour sanitizers, then under the thread sanitizer
# Ends with what failed, each with the end of what it printed, and one line of totals; exit code 0 when nothing failed.
set -eu
build=${1:-build}
passed=0
failed=0
skipped=0
failures=$(mktemp)
trap 'rm -f "$failures"' EXIT

# what_failed SUITE LOG: a test's name, how it ended, and its last lines.
what_failed() {
    python3 - "$@" <<'END'
import json, sys
for line in open(sys.argv[2], encoding="utf-8"):
    test = json.loads(line)
    if test["result"] not in ("OK", "SKIP"):
        print("failed: %s: %s: %s, exit code %s" % (sys.argv[1], test["name"], test["result"], test["returncode"]))
        printed = test.get("stdout", "") + test.get("stderr", "")
        print("".join("    %s\n" % text for text in printed.splitlines()[-25:]))
END
}

# suite NAME BUILD [MESON TEST OPTIONS]: runs tests and adds them up.
suite() {
    name=$1 folder=$2
    shift 2
    echo "=== $name"
    meson test -C "$folder" --print-errorlogs "$@" || true
    log=$folder/meson-logs/testlog.json
    passed=$((passed + $(grep -c '"result": "OK"' "$log" || true)))
    skipped=$((skipped + $(grep -c '"result": "SKIP"' "$log" || true)))
    failed=$((failed + $(grep -cv -e '"result": "OK"' -e '"result": "SKIP"' "$log" || true)))
    what_failed "$name" "$log" >>"$failures"
    rm -f "$log"
}

# sanitized SANITIZERS: a clang build of its own.
sanitized() {
    folder=$build-$(echo "$1" | tr , -)
    if [ ! -e "$folder/build.ninja" ]; then
        CC=clang meson setup "$folder" --buildtype=debugoptimized --werror -Db_sanitize="$1" -Db_lundef=false >/dev/null
    fi
    ninja -C "$folder" >/dev/null || { echo "the $1 build failed"; ninja -C "$folder" | tail -n 40; exit 1; }
    suite "quick suite, $1 sanitizer" "$folder" --suite quick --timeout-multiplier 5
}

echo "=== formatting"
if git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
    echo "failed: formatting" >>"$failures"
fi

suite "all suites, release" "$build"
# 99: the exit codes that sanitizers choose by themselves mean something else in this program.
here=$(cd "$(dirname "$0")" && pwd)
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1:exitcode=99
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:exitcode=99
export LSAN_OPTIONS=suppressions=$here/sanitizers/leak.supp:print_suppressions=0
# DuckDB comes without instrumentation: what it locks is invisible, and what it frees looks like a race.
export TSAN_OPTIONS=second_deadlock_stack=1:exitcode=99:ignore_noninstrumented_modules=1:suppressions=$here/sanitizers/thread.supp
sanitized address,undefined
sanitized thread

cat "$failures"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
