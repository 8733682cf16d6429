#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Whole runs from S3, to S3, and between S3 and the disk, against a real server: the same tables as on the disk.
. "$POMONA_SOURCE/tests/cli/lib.sh"
. "$POMONA_SOURCE/tests/s3/server.sh"
start_server
options="--format csv -k 5 --part-rows 16"

draw_photos photos 3
mkdir 'photos/Äpfel + 100%25 &?=#~'
cp "$(find photos -name '*.jpg' | sort | head -n 1)" 'photos/Äpfel + 100%25 &?=#~/rot grün+%2F;,@!.jpg'
mkdir photos/Äpfel && cp "$(find photos -name '*.jpg' | sort | tail -n 1)" "photos/Äpfel/ ' \" [1] 桃.jpg"
n_photos=$(find photos -type f | wc -l)
push photos photos

# same_table NAME FOLDER OTHER: the same files with the same bytes
same_table() {
    for file in "$2/$1"/*; do expect_same "$file" "$3/$1/$(basename "$file")"; done
    [ "$(find "$2/$1" -type f | wc -l)" = "$(find "$3/$1" -type f | wc -l)" ] || fail "files of $1"
}

# From the disk to S3: every file but the manifest is what the disk would have.
# shellcheck disable=SC2086 # words
expect 1 "$pomona" run photos disk $options
# shellcheck disable=SC2086
expect 1 "$pomona" run photos s3://bucket/from-disk $options
pull
for table in features pca failures features_csv pca_csv failures_csv plots; do same_table $table disk "$bucket/from-disk"; done
expect_same disk/pca.safetensors "$bucket/from-disk/pca.safetensors"
expect_same disk/_listing "$bucket/from-disk/_listing"

# From S3: paths are s3://..., and apart from that every row is the same.
# shellcheck disable=SC2086
expect 1 "$pomona" run s3://bucket/photos s3://bucket/out $options
pull
expect_stderr "s3: "
expect_stderr "buckets in eu-central-1: all in the EU"
[ "$(count "$bucket/out" listed)" = "$n_photos" ] || fail "listed $(count "$bucket/out" listed) of $n_photos"
grep -q '"requests_usd"' "$bucket/out/run.json" || fail "no cost in run.json"
for table in features failures; do
    rows disk/$table >expected.csv
    rows "$bucket/out/$table" | sed 's|s3://bucket/photos/|photos/|g' >got.csv
    expect_same expected.csv got.csv
done
# shellcheck disable=SC2086
expect 1 "$pomona" run s3://bucket/photos/ from-s3 $options
for table in features pca failures; do same_table $table from-s3 "$bucket/out"; done
expect_no_file "$bucket/out/_lock"
[ -z "$(find "$bucket/out" -name '*.tmp-*')" ] || fail "temporary names on S3"

# The steps by hand, networks, PCA files, list files and reports, each from S3.
expect 0 "$pomona" fit s3://bucket/out --out s3://bucket/hand.safetensors -k 5
pull
expect_same "$bucket/hand.safetensors" "$bucket/out/pca.safetensors"
expect 2 "$pomona" fit s3://bucket/out --out s3://bucket/hand.safetensors -k 5
expect_stderr "hand.safetensors is there already"
expect 0 "$pomona" transform s3://bucket/out --pca s3://bucket/hand.safetensors s3://bucket/hand
pull
for part in from-s3/pca/part-*.parquet; do
    cmp -s "$part" "$bucket/hand/pca/$(basename "$part" | sed 's/-[0-9a-f]*\.parquet/-pca.parquet/')" || fail "transform by hand differs: $part"
done
expect 0 "$pomona" network calibrate orchard photos --photos 4 --out calibrated.pomona
expect 0 "$pomona" network calibrate orchard photos --photos 4 --out s3://bucket/networks/calibrated.pomona
pull
expect_same calibrated.pomona "$bucket/networks/calibrated.pomona"
network="--network s3://bucket/networks/calibrated.pomona"
# shellcheck disable=SC2086
expect 1 "$pomona" run photos s3://bucket/again $options $network --pca s3://bucket/hand.safetensors
pull
for table in features pca failures; do same_table $table disk "$bucket/again"; done
expect 0 "$pomona" report s3://bucket/again --pca s3://bucket/hand.safetensors
"$pomona" network info s3://bucket/networks/calibrated.pomona | grep -q '^name  *orchard$' || fail "a network on S3"
discard out/report.html
expect 0 "$pomona" report s3://bucket/out
pull
expect_file "$bucket/out/report.html"
(cd photos && find . -type f | sed 's|^\./|s3://bucket/photos/|') >list.txt
echo s3://bucket/photos/gone.jpg >>list.txt
push list.txt list.txt
expect 1 "$pomona" extract @s3://bucket/list.txt listed --format csv
[ "$(rows listed/failures | grep -c gone.jpg)" = 1 ] || fail "the photo that is gone is not a failure"
rows listed/failures | grep gone.jpg | grep -q 'not_found.*NoSuchKey.*request ' || fail "no S3 code and request id: $(rows listed/failures | grep gone.jpg)"
rows listed/features >got.csv
rows from-s3/features >expected.csv
expect_same expected.csv got.csv

# An output is never touched without permission; resume finds nothing to do; more photos come as further parts.
# shellcheck disable=SC2086
expect 2 "$pomona" run s3://bucket/photos s3://bucket/out $options
expect_stderr "holds a run already (complete)"
expect 2 "$pomona" run photos s3://bucket/photos --overwrite
expect_stderr "pomona did not make it"
# shellcheck disable=SC2086
expect 1 "$pomona" run s3://bucket/photos s3://bucket/out $options --resume
expect_stderr "are there already"
push "$(find photos -name '*.jpg' | sort | head -n 1)" photos/new.jpg
# shellcheck disable=SC2086
expect 2 "$pomona" run s3://bucket/photos s3://bucket/out $options --resume
expect_stderr "new photos: 1"
# shellcheck disable=SC2086
expect 1 "$pomona" run s3://bucket/photos s3://bucket/out $options --update
pull
[ "$(count "$bucket/out" listed)" = $((n_photos + 1)) ] || fail "update"
# shellcheck disable=SC2086
expect 1 "$pomona" run s3://bucket/photos s3://bucket/out $options --retry-failed
# shellcheck disable=SC2086
expect 1 "$pomona" run photos s3://bucket/out $options --overwrite
pull
for table in features pca failures; do same_table $table disk "$bucket/out"; done

# Somebody else's lock keeps a run out until it is told; one of a process that was here and is gone does not.
printf '{"process": 1, "started": "1", "machine": "elsewhere", "host": "other", "since": "2026-01-31T12:00:00Z"}' >lock
"$s3_tool" put bucket out/_lock lock >/dev/null
# shellcheck disable=SC2086
expect 2 "$pomona" run photos s3://bucket/out $options --resume
expect_stderr "process 1 on other, since 2026-01-31T12:00:00Z"
expect_stderr "--take-over"
is_there out/_lock || fail "somebody else's lock is gone"
# shellcheck disable=SC2086
expect 1 "$pomona" run photos s3://bucket/out $options --resume --take-over
if is_there out/_lock; then fail "the lock stays"; fi

# What ends a run says why, and nothing is written.
expect 2 "$pomona" run s3://absent/photos never
expect_stderr "NoSuchBucket"
expect 2 "$pomona" run s3://bucket/absent never
expect 2 "$pomona" run photos s3a://bucket/never
expect_stderr "s3a://bucket/never is no S3 path: it is s3://BUCKET/KEY"
expect_no_file s3a:
expect 3 "$pomona" run s3://bucket/photos never --endpoint-url http://127.0.0.1:9
expect_stderr "cannot connect to 127.0.0.1:9"
expect_stderr "no request was answered"
expect 3 env AWS_SECRET_ACCESS_KEY=wrong "$pomona" run s3://bucket/photos never
expect_stderr "SignatureDoesNotMatch"
grep -q wrong stderr && fail "a secret is printed"
expect 3 env AWS_ACCESS_KEY_ID=nobody "$pomona" run s3://bucket/photos never
expect_stderr "InvalidAccessKeyId"
expect 2 "$pomona" run s3://bucket/photos never --require-region 'us-*'
expect_stderr "the bucket bucket is in eu-central-1 and --require-region is us-*"
expect_no_file never
expect 0 "$pomona" run s3://bucket/photos dry --dry-run --require-region EU
expect 2 "$pomona" s3-policy photos disk
expect_stderr "no permission is needed"
