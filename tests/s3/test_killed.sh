#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# An S3 run killed at any moment: --resume ends with the same objects, no upload stays open, no key is outside the layout;
# and two runs cannot write into one output.
. "$POMONA_SOURCE/tests/cli/lib.sh"
. "$POMONA_SOURCE/tests/s3/server.sh"
start_server
n_kills=${POMONA_KILLS:-30}

draw_photos photos 6
push photos photos
run="run s3://bucket/photos s3://bucket/out --part-rows 16 --format csv -k 8 --threads 2"
began=$(date +%s%N)
expect 1 "$pomona" run s3://bucket/photos whole --part-rows 16 --format csv -k 8
took_ms=$((($(date +%s%N) - began) / 1000000))

same_as_whole() {
    pull
    for table in features pca failures features_csv pca_csv failures_csv; do
        for part in whole/$table/part-*; do expect_same "$part" "$bucket/out/$table/$(basename "$part")"; done
        [ "$(find whole/$table -type f | wc -l)" = "$(find "$bucket/out/$table" -type f | wc -l)" ] || fail "files of $table"
    done
    expect_same whole/pca.safetensors "$bucket/out/pca.safetensors"
}

seed=12345
kills=0
until [ "$kills" -ge "$n_kills" ]; do
    # shellcheck disable=SC2086 # words
    "$pomona" $run --resume >/dev/null 2>stderr &
    pid=$!
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    sleep "$(printf '%d.%03d' $((seed / 65536 % (took_ms / 2 + 1) / 1000)) $((seed / 65536 % (took_ms / 2 + 1) % 1000)))"
    if kill -9 $pid 2>/dev/null; then kills=$((kills + 1)); fi
    code=0
    wait $pid 2>/dev/null || code=$?
    if [ "$code" = 1 ]; then # it got through: start over for the remaining kills
        same_as_whole
        discard out/
    elif [ "$code" != 137 ]; then
        fail "a resumed run ended with $code"
    fi
done
# shellcheck disable=SC2086
expect 1 "$pomona" $run --resume
same_as_whole
(cd whole && find . -type f | sort) >expected
(cd "$bucket/out" && find . -type f | sort) >got
expect_same expected got
[ "$(ls "$bucket" | sort | tr '\n' ' ')" = "out photos " ] || fail "keys outside the output: $(ls "$bucket")"
[ "$("$s3_tool" abort bucket "" | head -n 1 | tr -dc 0-9)" = 0 ] || fail "an upload was left open"
echo "$kills kills, then the same objects"

# Two runs at once: one is told, and the other is not disturbed.
discard out/
# shellcheck disable=SC2086
"$pomona" $run >/dev/null 2>&1 &
pid=$!
for _ in $(seq 200); do ! is_there out/_lock || break; sleep 0.02; done
# shellcheck disable=SC2086
expect 2 "$pomona" $run --resume
expect_stderr "another pomona is writing to s3://bucket/out"
# Taken over, the first one stops at its next part and leaves the lock to its new owner.
# shellcheck disable=SC2086
expect 1 "$pomona" $run --resume --take-over
code=0
wait $pid || code=$?
[ "$code" = 3 ] || [ "$code" = 1 ] || fail "the run whose lock was taken over ended with $code"
same_as_whole
