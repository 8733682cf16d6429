#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# MobileNetV2 with its published weights, calibrated on real photos, in int16 and int8: the same bytes on every kernel set.
. "$POMONA_SOURCE/tests/cli/lib.sh"
weights=$POMONA_SHARED/models/mobilenet_v2_1.0_224_no_top.h5
[ -e "$weights" ] || skip "no published weights (mobilenet_v2_1.0_224_no_top.h5)"
[ -d "$POMONA_SHARED/data/fruits-360" ] || skip "no real photos (fruits-360)"

# Of every class one to calibrate on and one to run.
mkdir seen photos
for class in "$POMONA_SHARED"/data/fruits-360/*/; do
    number=0
    for photo in "$class"*.jpg; do
        number=$((number + 1))
        [ $number -le 2 ] || break
        to=seen
        [ $number = 1 ] || to=photos
        ln -s "$photo" "$to/$(basename "$class") $(basename "$photo")"
    done
done
expect 0 "$pomona" network convert "$weights" --out mobilenetv2.pomona
expect 0 "$pomona" network calibrate mobilenetv2.pomona seen --out calibrated.pomona --quiet

sets=$("$pomona" version --cpu | sed -n 's/^kernel sets on this machine: //p')
for precision in int16 int8; do
    for cpu in $sets; do
        expect 0 env POMONA_CPU="$cpu" "$pomona" extract photos "$precision-$cpu" --network calibrated.pomona \
            --precision $precision --format csv --quiet
        rows "$precision-$cpu/features" >"$precision-$cpu.csv"
        [ "$(wc -l <"$precision-$cpu.csv")" -gt 10 ] || fail "few rows in $precision on $cpu"
        expect_same "$precision-$cpu.csv" "$precision-scalar.csv"
    done
done
! cmp -s int16-scalar.csv int8-scalar.csv || fail "int8 gives what int16 gives"
echo "$(wc -l <int8-scalar.csv) photos, $sets"
