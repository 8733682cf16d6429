#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Memory runs out at one place after the other: the program ends by itself, says so, writes no half part, and what was
# there before is what is there after. usage: test_allocation_failures.sh POMONA_FAILING
# POMONA_FAULT_STEPS: places per command (default 12); 0 tries each one.
failing=$(realpath "$1")
. "$(dirname "$0")/../cli/lib.sh"
n_steps=${POMONA_FAULT_STEPS:-12}

draw_photos drawn 1
mkdir photos
for file in drawn/*/*; do [ "$(find photos -type f | wc -l)" = 6 ] || cp "$file" photos/; done
: >photos/empty.jpg
printf '%s\n' photos/* >list.txt
expect 1 "$pomona" run photos whole --format csv -k 3 --threads 2
rows whole/features >features.csv

# try VARIABLE PLACE USUAL_CODE CHECK COMMAND...
try() {
    variable=$1 place=$2 usual=$3 check=$4
    shift 4
    code=0
    env "$variable=$place" timeout 120 "$failing" "$@" >stdout 2>stderr || code=$?
    case $code in
    3) # jansson takes some failures of its own for errors of syntax, and only it knows
        [ $variable = POMONA_FAIL_JSON ] || grep -q 'out of memory\|cannot start worker thread' stderr ||
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
fresh() { rm -rf out; }
with_output() {
    rm -rf out
    cp -r whole out
}

# Whatever happened, going on makes it whole, and a photo that found no memory is tried again.
goes_on() {
    "$pomona" extract photos out --format csv --resume --retry-failed --quiet >stdout 2>stderr || [ $? = 1 ] ||
        fail "$variable=$place: cannot go on"
    rows out/features | cmp -s - features.csv || fail "$variable=$place: --resume did not make the features whole"
    [ -z "$(find out -name '*.tmp-*')" ] || fail "$variable=$place: temporary files are left"
}

# An output that was whole is whole: what could not be done did not harm it.
unharmed() { rows out/features | cmp -s - features.csv || fail "$variable=$place: the features are harmed"; }

walk 0 nothing nothing network info orchard
walk 1 fresh goes_on extract photos out --format csv --threads 1
walk 1 fresh goes_on extract photos out --format csv --threads 3
walk 0 nothing nothing extract @list.txt out-dry --dry-run --label-from 'regex:(.)'
walk 1 with_output unharmed extract photos out --format csv --threads 2 --resume --retry-failed
walk 0 with_output unharmed fit out --out out/second.safetensors -k 3 --overwrite
walk 0 with_output unharmed transform out --pca whole/pca.safetensors out --overwrite
walk 0 with_output unharmed report out
