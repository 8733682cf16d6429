# SPDX-License-Identifier: Apache-2.0
# Sourced after tests/cli/lib.sh, with $failing and $n_steps set: walks through the places of a command where memory is asked
# for, and makes one after the other fail.

# try VARIABLE PLACE USUAL_CODE CHECK COMMAND...
try() {
    variable=$1 place=$2 usual=$3 check=$4
    shift 4
    code=0
    env "$variable=$place" timeout 120 "$failing" "$@" >stdout 2>stderr || code=$?
    case $code in
    3) # jansson takes some failures of its own for errors of syntax, and only it knows
        [ $variable = POMONA_FAIL_JSON ] || grep -q 'out of memory\|cannot start \(worker\|the\) thread' stderr ||
            fail "$variable=$place: exit code 3 without the reason: $*"
        ;;
    "$usual") ;; # done without: a thread's name, a line of the manifest
    1) grep -q out_of_memory out/failures_csv/part-* || fail "$variable=$place: exit code 1 without the reason: $*" ;;
    *) fail "$variable=$place: exit code $code: $*" ;;
    esac
    if grep -q 'Sanitizer' stderr; then fail "$variable=$place: $*"; fi
    $check
}

# walk_kind VARIABLE TOTAL USUAL_CODE PREPARE CHECK COMMAND...
walk_kind() {
    variable=$1 total=$2 usual=$3 prepare=$4 check=$5
    shift 5
    step=1 number=1
    [ "$n_steps" = 0 ] || step=$((total / n_steps + 1))
    while [ $number -le "$total" ]; do
        for more in '' +; do
            $prepare
            try "$variable" "$number$more" "$usual" "$check" "$@"
        done
        number=$((number + step))
    done
    echo "$variable 1 to $total by $step: $*"
}

# walk USUAL_CODE PREPARE CHECK COMMAND...: fails at places spread over the whole command, once alone and once for good.
walk() {
    usual=$1 prepare=$2 check=$3
    shift 3
    $prepare
    expect "$usual" env POMONA_COUNT="$work/count" "$failing" "$@"
    read -r n_ours n_json <count
    walk_kind POMONA_FAIL "$n_ours" "$usual" "$prepare" "$check" "$@"
    walk_kind POMONA_FAIL_JSON "$n_json" "$usual" "$prepare" "$check" "$@"
}

nothing() { :; }
