#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A whole run on drawn photos: what it writes, what it refuses, and that cutting the work differently changes nothing.
. "$(dirname "$0")/lib.sh"

draw_photos photos 2
n_photos=$(find photos -type f | wc -l)

expect 1 "$pomona" run photos out --format csv,json --part-rows 7 -k 5
expect_stderr "network: orchard"
expect_stderr "2 failed"
[ "$(count out listed)" = "$n_photos" ] || fail "listed $(count out listed) of $n_photos"
[ "$(count out written)" = $((n_photos - 2)) ] || fail "written $(count out written)"
[ "$(count out failed)" = 2 ] || fail "failed $(count out failed)"
for file in features/_SUCCESS pca/_SUCCESS failures/_SUCCESS pca.safetensors report.html run.json plots/scree.svg plots/components_3d.png; do
    expect_file "out/$file"
done
[ "$(rows out/features | wc -l)" = $((n_photos - 2)) ] || fail "rows in features"
[ "$(rows out/failures | wc -l)" = 2 ] || fail "rows in failures"
head -n 1 out/features_csv/part-00000-*.csv | grep -q '^path,label,f0,f1,.*,f1279' || fail "header of features"
head -n 1 out/pca_csv/part-00000-*.csv | tr -d '\r' | grep -qx 'path,label,pc1,pc2,pc3,pc4,pc5' || fail "header of pca"
grep -q '"state": "complete"' out/run.json || fail "state in run.json"
[ -z "$(find out -name '*.tmp-*')" ] || fail "temporary files are left"
# It took no more memory than it said; sanitizers take some of their own.
if ! grep -qa '__[at]san_init' "$pomona"; then
    promised=$(sed -n 's/^memory: at most about \([0-9]*\) MB.*/\1000000/p' "$work/stderr")
    [ "$(sed -n 's/.*"peak_memory_bytes": \([0-9]*\).*/\1/p' out/run.json)" -le "$promised" ] || fail "more memory than $promised bytes"
fi

# An output is never touched without permission, and never when it is not ours.
find out -type f | sort | xargs sha256sum >before
expect 2 "$pomona" run photos out
expect_stderr "holds a run already (complete)"
expect 2 "$pomona" run photos out --resume --part-rows 8 --format csv,json -k 5
expect_stderr "part_rows"
expect 2 "$pomona" run photos photos --overwrite
expect_stderr "pomona did not make it"
expect 1 "$pomona" run photos out --format csv,json --part-rows 7 -k 5 --resume
expect_stderr "are there already"
find out -type f ! -name run.json | sort | xargs sha256sum >after
grep -v run.json before | cmp -s - after || fail "a refused or finished run changed files"

# A dry run writes nothing.
expect 0 "$pomona" run photos dry --dry-run
expect_stderr "dry run: $n_photos photos listed, $n_photos to extract"
expect_no_file dry

# What fit or transform would refuse is told before the first photo is read, and nothing is made.
expect 2 "$pomona" run photos early --pca nowhere.safetensors
expect_stderr "cannot read nowhere.safetensors"
expect 2 "$pomona" run photos early -k 1281
expect_stderr "1281 components of features of 1280 numbers"
expect 2 "$pomona" run photos early -k 1000
expect_stderr "1000 components need at least 1000 photos"
expect 2 "$pomona" run "$(find photos -name '*.jpg' | head -n 1)" early
expect_stderr "a PCA needs at least 2 photos"
expect 2 "$pomona" fit out --out nowhere/pca.safetensors
expect_stderr "there is no folder nowhere"
expect_no_file early

# An output inside its source: its plots are not photos, neither then nor when photos are added.
mkdir market
cp -r photos/apple-red market/apple
(cd market && "$pomona" run . out -k 2 --label-from none 2>"$work/stderr") || fail "an output inside the source"
n_apples=$(find market/apple -type f | wc -l)
cp "$(find photos/apple-green -name '*.jpg' | head -n 1)" market/another.jpg
(cd market && "$pomona" run . out -k 2 --label-from none --update 2>"$work/stderr") || fail "--update beside an output"
[ "$(count market/out listed)" = $((n_apples + 1)) ] || fail "listed $(count market/out listed) beside an output"
expect_stderr "images in the outputs of runs below . are left out"
grep -qF '"command_line": "pomona run . out -k 2 --label-from none --update"' market/out/run.json || fail "command_line"

# Another part size, thread count or kernel set, or the steps by hand: the same rows.
rows out/features >features.csv
rows out/pca >pca.csv
for part_rows in 1 1024; do
    expect 1 "$pomona" run photos "out-$part_rows" --format csv --part-rows $part_rows -k 5 --threads 1 --no-report
    rows "out-$part_rows/features" | cmp -s - features.csv || fail "features differ with --part-rows $part_rows"
    rows "out-$part_rows/pca" | cmp -s - pca.csv || fail "pca differs with --part-rows $part_rows"
done
for cpu in $("$pomona" version --cpu | sed -n 's/^kernel sets on this machine: //p'); do
    expect 1 env POMONA_CPU="$cpu" "$pomona" extract photos "out-$cpu" --format csv,json --part-rows 7 --threads 2
    for part in out/features/part-*.parquet; do expect_same "$part" "out-$cpu/features/$(basename "$part")"; done
    rows "out-$cpu/features" | cmp -s - features.csv || fail "features differ with POMONA_CPU=$cpu"
done
expect 0 "$pomona" fit out-scalar --out hand.safetensors -k 5
expect_same hand.safetensors out/pca.safetensors
expect 0 "$pomona" transform out-scalar --pca hand.safetensors out-scalar
for part in out/pca/part-*.parquet; do expect_same "$part" "out-scalar/pca/$(basename "$part")"; done
expect 0 "$pomona" transform out --pca hand.safetensors projected --format csv,json
[ "$(rows projected/pca | wc -l)" = $((n_photos - 2)) ] || fail "rows in projected/pca_csv"
rows projected/pca | cmp -s - pca.csv || fail "transform --format csv wrote other rows than run"
ls projected/pca_json/part-*.json >/dev/null || fail "transform --format json wrote no JSON"
expect 2 "$pomona" transform out --pca hand.safetensors pulp --format pulp
expect_stderr "use parquet, csv, json"
expect_no_file pulp
expect 2 "$pomona" fit out-scalar --out hand.safetensors
expect_stderr "hand.safetensors is there already"

# The report can be made again, and needs a run.
rm out/report.html
total=$(grep '"total":' out/run.json)
expect 0 "$pomona" report out
[ "$(grep '"total":' out/run.json)" = "$total" ] || fail "a report's time is in run.json as that of the run"
expect_file out/report.html
expect 2 "$pomona" report photos
expect_stderr "is not the output of a run"

# For machines: one JSON object a line on stdout, nothing on stderr.
expect 1 "$pomona" extract photos json --json
grep -qv '^{.*}$' stdout && fail "a line of stdout is not a JSON object"
expect_stdout '"event":"done"'
[ ! -s stderr ] || fail "--json wrote to stderr"
expect 1 "$pomona" extract photos quiet --quiet
[ ! -s stdout ] && [ ! -s stderr ] || fail "--quiet printed something"

expect 3 "$pomona" extract photos capped --max-failures 1
expect_stderr "2 photos failed and --max-failures is 1"
