# SPDX-License-Identifier: Apache-2.0
# Sourced by the command line tests: a work folder that goes away, and checks that say what they expected.
set -eu
build=$POMONA_BUILD
pomona=$build/apps/pomona/pomona
work=$(mktemp -d)
trap 'chmod -R u+rwx "$work" 2>/dev/null; rm -rf "$work"' EXIT
export POMONA_NETWORKS="$work/networks" # nothing installed: `auto` is the embedded network
unset POMONA_CPU
cd "$work"

fail() {
    echo "FAILED: $*" >&2
    for file in stdout stderr; do
        [ ! -s "$work/$file" ] || { echo "--- $file" >&2; tail -n 20 "$work/$file" >&2; }
    done
    exit 1
}

skip() {
    echo "skipped: $*"
    exit 77
}

# expect CODE COMMAND...: runs it, keeps what it prints in $work/stdout and $work/stderr, checks the exit code.
expect() {
    wanted=$1
    shift
    code=0
    "$@" >"$work/stdout" 2>"$work/stderr" || code=$?
    [ "$code" = "$wanted" ] || fail "exit code $code instead of $wanted: $*"
}

expect_stderr() { grep -qF -- "$1" "$work/stderr" || fail "stderr does not say: $1"; }
expect_stdout() { grep -qF -- "$1" "$work/stdout" || fail "stdout does not say: $1"; }
expect_file() { [ -e "$1" ] || fail "$1 is not there"; }
expect_no_file() { [ ! -e "$1" ] || fail "$1 is there"; }
expect_same() { cmp "$1" "$2" || fail "$1 and $2 differ"; }

# One number out of run.json: count OUT listed
count() { tr -d ' \n' <"$1/run.json" | sed 's/.*"counts":{\([^}]*}[^}]*\)}.*/\1/' | grep -o "\"$2\":[0-9]*" | cut -d: -f2; }

# All rows of a table as CSV, in order of parts, without headers: rows OUT/features
rows() { for part in "$1"_csv/part-*.csv; do tail -n +2 "$part"; done; }

# A few drawn photos of each kind, two damaged files among them: draw_photos FOLDER PER_KIND
draw_photos() { "$build/tools/demo_photos/demo_photos" "$1" --per-kind "$2" >/dev/null; }

# Root reads and writes what nobody may; without these two capabilities it is like everyone else.
# unprivileged COMMAND...
without_override=--bounding-set=-dac_override,-dac_read_search
can_lose_privileges() { [ "$(id -u)" != 0 ] || setpriv $without_override true 2>/dev/null; }
unprivileged() {
    if [ "$(id -u)" = 0 ] && can_lose_privileges; then
        setpriv $without_override "$@"
    else
        "$@"
    fi
}
