#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Memory runs out at one place after the other of the S3 client and of the store's side of it: the command ends by itself and
# says so, no object is half-written, and going on makes the output whole. usage: test_allocation_failures_s3.sh POMONA_FAILING
# POMONA_FAULT_STEPS: places per command (default 10); 0 tries each one.
failing=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
. "$here/../cli/lib.sh"
. "$here/../s3/server.sh"
n_steps=${POMONA_FAULT_STEPS:-10}
. "$here/walk.sh"
start_server

draw_photos drawn 1
mkdir photos
for file in drawn/*/*; do [ "$(find photos -type f | wc -l)" = 6 ] || cp "$file" photos/; done
: >photos/empty.jpg
push photos photos
mkdir "$bucket/whole" && expect 1 "$pomona" run s3://bucket/photos s3://bucket/whole --format csv -k 3 --threads 2 --part-rows 4
rows "$bucket/whole/features" >features.csv
ln -s "$bucket/out" out # what `try` looks into

fresh() { discard out; }
with_output() {
    discard out
    push "$bucket/whole" out
}

goes_on() {
    "$pomona" extract s3://bucket/photos s3://bucket/out --format csv --part-rows 4 --resume --retry-failed --quiet >stdout 2>stderr ||
        [ $? = 1 ] || fail "$variable=$place: cannot go on"
    rows out/features | cmp -s - features.csv || fail "$variable=$place: --resume did not make the features whole"
    if is_there out/_lock; then fail "$variable=$place: the lock stays"; fi
    [ "$("$s3_tool" abort bucket "" | head -n 1 | tr -dc 0-9)" = 0 ] || fail "$variable=$place: an upload was left open"
}
unharmed() { rows out/features | cmp -s - features.csv || fail "$variable=$place: the features are harmed"; }

walk 1 fresh goes_on extract s3://bucket/photos s3://bucket/out --format csv --threads 2 --part-rows 4
walk 1 with_output unharmed extract s3://bucket/photos s3://bucket/out --format csv --threads 2 --part-rows 4 --resume
# Computing the fit takes longer than all else, and the test without S3 walks through it at more places.
[ "$n_steps" = 0 ] || n_steps=$((n_steps / 3 + 1))
walk 0 with_output unharmed fit s3://bucket/out --out s3://bucket/out/second.safetensors -k 3 --overwrite
n_steps=${POMONA_FAULT_STEPS:-10}
walk 0 with_output unharmed transform s3://bucket/out --pca s3://bucket/whole/pca.safetensors s3://bucket/out --overwrite
