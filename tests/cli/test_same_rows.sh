#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# MobileNetV2 with its real weights on real photos: every kernel set, one thread or two, any part size, in one go or step
# by step, give the same rows.
. "$(dirname "$0")/lib.sh"

weights=$POMONA_SHARED/models/mobilenet_v2_1.0_224_no_top.h5
real=$POMONA_SHARED/data
[ -e "$weights" ] || skip "no weights in ../shared/models"
[ -d "$real/fruits-360" ] || skip "no real photos in ../shared/data"

expect 0 "$pomona" network convert "$weights"
expect_file mobilenet_v2_1.0_224_no_top.pomona
expect_stderr "as $POMONA_NETWORKS/mobilenetv2.pomona it is mobilenetv2"
mkdir "$POMONA_NETWORKS"
mv mobilenet_v2_1.0_224_no_top.pomona "$POMONA_NETWORKS/mobilenetv2.pomona" # `auto` takes it from here on
n=0
find "$real/fruits-360" "$real/phone-photos" -name '*.jpg' | LC_ALL=C sort | awk 'NR % 140 == 0' >chosen
while read -r photo; do
    n=$((n + 1))
    folder=photos/$(basename "$(dirname "$photo")")
    mkdir -p "$folder"
    ln -s "$photo" "$folder/$n.jpg"
done <chosen
[ "$n" -ge 10 ] || fail "only $n photos"

for cpu in $("$pomona" version --cpu | sed -n 's/^kernel sets on this machine: //p'); do
    for threads in 1 2; do
        for part_rows in 1 7 1024; do
            expect 0 env POMONA_CPU="$cpu" "$pomona" extract photos out --format csv --overwrite --threads $threads \
                --part-rows $part_rows
            rows out/features >rows.csv
            [ -e first.csv ] || cp rows.csv first.csv
            cmp -s rows.csv first.csv || fail "rows differ: POMONA_CPU=$cpu, $threads threads, parts of $part_rows"
        done
    done
done
[ "$(wc -l <first.csv)" = "$n" ] || fail "$(wc -l <first.csv) rows for $n photos"

expect 0 "$pomona" run photos whole --format csv --part-rows 1024 -k 5
expect_stderr "network: mobilenetv2"
rows whole/features | cmp -s - first.csv || fail "run gives other features than extract"
expect 0 "$pomona" fit out --out by-hand.safetensors -k 5
expect_same by-hand.safetensors whole/pca.safetensors
expect 0 "$pomona" transform out --pca by-hand.safetensors out
for part in whole/pca/part-*.parquet; do expect_same "$part" "out/pca/$(basename "$part")"; done
