#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What can go wrong around a run: signals, too many failures, folders that cannot be written, sources that vanish, outputs
# that were damaged. Each ends with its exit code and a sentence, and what is done can be gone on with.
. "$(dirname "$0")/lib.sh"

draw_photos drawn 1
mkdir -p photos/fruit
n=0
for photo in drawn/*/*.jpg; do
    for copy in 1 2 3 4 5 6 7 8 9; do cp "$photo" "photos/fruit/$copy-$(basename "$photo")"; done
    n=$((n + 9))
done
rm -f photos/fruit/*-truncated.jpg photos/fruit/*-not-an-image.jpg
n=$(find photos -type f | wc -l)
run="--format csv --part-rows 16 --threads 1"
# shellcheck disable=SC2086 # words
expect 0 "$pomona" extract photos whole $run
rows whole/features >features.csv

# started COMMAND...: in the background as $pid; returns when photos are being read.
started() {
    : >events
    "$pomona" "$@" --json >events 2>stderr &
    pid=$!
    until grep -q '"event":"stage","stage":"extract"' events; do
        kill -0 $pid 2>/dev/null || fail "ended before it began: $*"
        sleep 0.01
    done
}
ended() { # CODE
    code=0
    wait $pid || code=$?
    [ "$code" = "$1" ] || fail "exit code $code instead of $1"
}

# The first signal finishes the photos in hand; what is done is kept.
for signal in INT TERM; do
    rm -rf out
    # shellcheck disable=SC2086
    started extract photos out $run
    kill -$signal $pid
    ended 130
    expect_stderr "go on with --resume"
    grep -q '"state": "interrupted"' out/run.json || fail "state in run.json after SIG$signal"
    expect_no_file out/features/_SUCCESS
    [ -z "$(find out -name '*.tmp-*')" ] || fail "temporary files are left after SIG$signal"
    # shellcheck disable=SC2086
    expect 0 "$pomona" extract photos out $run --resume
    rows out/features | cmp -s - features.csv || fail "features after SIG$signal and --resume"
done

# Too many failures end the run; with more patience the same output goes on.
mkdir mixed
cp photos/fruit/1-*.jpg mixed
for name in a b c; do echo "no photo" >mixed/$name.jpg; done
expect 3 "$pomona" extract mixed mixed-out --format csv --max-failures 2
expect_stderr "3 photos failed and --max-failures is 2"
grep -q '"state": "failed"' mixed-out/run.json || fail "state in run.json after too many failures"
expect 1 "$pomona" extract mixed mixed-out --format csv --max-failures 3 --resume
[ "$(count mixed-out failed)" = 3 ] || fail "failed $(count mixed-out failed)"
expect 0 "$pomona" extract photos patient --max-failures 0
mkdir only-bad
cp mixed/a.jpg mixed/b.jpg only-bad
expect 3 "$pomona" run only-bad only-bad-out
expect_stderr "none of the 2 photos could be read: see only-bad-out/failures"

# Outputs that cannot be.
: >a-file
expect 2 "$pomona" extract photos a-file
expect_stderr "a-file"
expect 2 "$pomona" extract photos a-file/out
expect_stderr "a-file"
if can_lose_privileges; then
    mkdir locked locked/out
    chmod 555 locked locked/out
    expect 3 unprivileged "$pomona" extract photos locked/new
    expect_stderr "cannot make the folder locked/new: permission denied"
    expect 3 unprivileged "$pomona" extract photos locked/out
    expect_stderr "locked/out"
    expect_stderr "permission denied"
    chmod 755 locked locked/out
    [ -z "$(ls locked/out)" ] || fail "files in a read-only folder"
    mkdir -p secret/fruit
    chmod 000 secret/fruit
    expect 3 unprivileged "$pomona" extract secret out-secret
    expect_stderr "cannot list the folder secret/fruit: permission denied"
    chmod 755 secret/fruit
fi
if [ -c /dev/full ]; then
    "$pomona" version --cpu >/dev/full 2>stderr && fail "a full disk under stdout went unnoticed"
fi

# A photo deleted after it was listed is a row with its reason; so is every photo of a folder that goes away.
rm -rf out
last=$(find photos -type f | LC_ALL=C sort | tail -n 1)
# shellcheck disable=SC2086
started extract photos out $run
kill -STOP $pid
mv "$last" away.jpg
kill -CONT $pid
ended 1
[ "$(count out written) $(count out failed)" = "$((n - 1)) 1" ] || fail "counts after a photo was deleted"
rows out/failures | grep -qF "$last,fruit,source,not_found" || fail "no row for the deleted photo"
mv away.jpg "$last"
# shellcheck disable=SC2086
expect 0 "$pomona" extract photos out $run --retry-failed
rows out/features | cmp -s - features.csv || fail "features after the photo came back"

rm -rf out
# shellcheck disable=SC2086
started extract photos out $run
kill -STOP $pid
mv photos gone
kill -CONT $pid
ended 1
mv gone photos
[ "$(count out listed)" = "$n" ] || fail "listed after the source went away"
[ $(($(count out written) + $(count out failed))) = "$n" ] || fail "listed is not written and failed"
rows out/failures | grep -vq ',source,not_found,' && fail "another reason than not_found"

# The output goes away: nothing more is published, and once it is back --resume ends as if nothing had been.
rm -rf out
# shellcheck disable=SC2086
started extract photos out $run
kill -STOP $pid
mv out moved
kill -CONT $pid
code=0
wait $pid || code=$?
[ "$code" = 3 ] || fail "exit code $code after the output went away"
rm -rf out
mv moved out
# shellcheck disable=SC2086
expect 0 "$pomona" extract photos out $run --resume
rows out/features | cmp -s - features.csv || fail "rows are missing after the output went away and came back"
rm -rf moved out

# Damaged outputs: a part is made again, a plan that cannot be trusted is refused and left as it is.
cp -r whole out
part=$(find out/features -name 'part-00001-*.parquet')
head -c 500 "$part" >cut && mv cut "$part"
# shellcheck disable=SC2086
expect 0 "$pomona" extract photos out $run --resume
expect_same "$part" "whole/features/$(basename "$part")"
for damage in 's/"generations": \[/"generations": "x", "x": [/' 's/"listing": {/"listing": 1, "x": {/' \
    "s/^ *$n\$/-1/" "s/^ *$n\$/$((n + 1))/" 's/"format": "pomona-run/"format": "peel/' '$d'; do
    rm -rf out
    cp -r whole out
    sed -i "$damage" out/run.json
    cmp -s out/run.json whole/run.json && fail "nothing was damaged by $damage"
    cp out/run.json damaged.json
    # shellcheck disable=SC2086
    expect 3 "$pomona" extract photos out $run --resume
    expect_stderr "out/run.json is"
    expect_same out/run.json damaged.json
done
rm -rf out
cp -r whole out
printf 'a\0b' >out/_listing
# shellcheck disable=SC2086
expect 3 "$pomona" extract photos out $run --resume
expect_stderr "out/_listing is damaged: start again with --overwrite"
# shellcheck disable=SC2086
expect 0 "$pomona" extract photos out $run --overwrite
rows out/features | cmp -s - features.csv || fail "features after --overwrite"
