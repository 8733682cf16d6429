#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Calibrating a network and running it in integers: the same bytes on every kernel set, and what is refused.
. "$(dirname "$0")/lib.sh"

draw_photos photos 1

# The embedded network is calibrated already.
expect 1 "$pomona" extract photos embedded --network orchard --precision int8

# Calibration: the embedded network needs a destination; fp32 features and identity stay.
expect 2 "$pomona" network calibrate orchard
expect_stderr "name a file to write"
expect 0 "$pomona" network calibrate orchard --out images.pomona
expect 0 "$pomona" network calibrate orchard photos --out photos.pomona --quiet
expect 0 "$pomona" network calibrate orchard photos --out again.pomona --quiet
expect_same photos.pomona again.pomona
! cmp -s photos.pomona images.pomona || fail "photos make no difference to a calibration"
expect 0 "$pomona" network calibrate images.pomona photos --quiet
expect_same photos.pomona images.pomona
expect 0 "$pomona" network calibrate photos.pomona --out images.pomona
expect 0 "$pomona" network info photos.pomona --json
expect_stdout '"calibration":"'
identity=$(grep -o '"identity":"[0-9a-f]*"' stdout)
expect 0 "$pomona" network info images.pomona --json
expect_stdout "$identity"
expect 3 "$pomona" network calibrate orchard photos/damaged --out none.pomona
expect_stderr "photos/damaged"
expect_no_file none.pomona
expect 2 "$pomona" network info orchard photos

expect 1 "$pomona" extract photos fp32 --network photos.pomona --format csv
expect 1 "$pomona" extract photos plain --network images.pomona --format csv
rows fp32/features >fp32.csv
rows plain/features | cmp -s - fp32.csv || fail "a calibration changes fp32 features"

for precision in int16 int8; do
    expect 1 "$pomona" extract photos "$precision" --network photos.pomona --precision $precision --format csv
    grep -q "\"precision\": \"$precision\"" "$precision/run.json" || fail "precision in run.json"
    rows "$precision/features" >$precision.csv
    ! cmp -s $precision.csv fp32.csv || fail "$precision gives what fp32 gives"
    for cpu in $("$pomona" version --cpu | sed -n 's/^kernel sets on this machine: //p'); do
        expect 1 env POMONA_CPU="$cpu" "$pomona" extract photos "$precision-$cpu" --network photos.pomona --precision $precision --format csv
        rows "$precision-$cpu/features" | cmp -s - $precision.csv || fail "$precision features differ with POMONA_CPU=$cpu"
    done
    expect 2 "$pomona" extract photos "$precision" --network images.pomona --precision $precision --format csv --resume
    expect_stderr "calibration"
done
expect 2 "$pomona" extract photos int8 --network photos.pomona --precision int16 --format csv --resume
expect_stderr "precision"
expect 2 "$pomona" extract photos out --precision half
expect_stderr "fp32 int16 int8"

# Features of two precisions do not mix.
expect 0 "$pomona" fit fp32 --out fp32.safetensors --components 1
expect 2 "$pomona" transform int8 projected --pca fp32.safetensors
expect_stderr "do not mix"
