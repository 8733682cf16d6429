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

. "$(dirname "$0")/walk.sh"

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
