#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Killed at any moment, interrupted, or out of disk: --resume ends with the result of a run that nothing happened to.
. "$(dirname "$0")/lib.sh"
n_kills=${POMONA_KILLS:-50}

draw_photos photos 20
run="run photos out --part-rows 16 --format csv -k 8 --threads 2"
expect 1 "$pomona" run photos whole --part-rows 16 --format csv -k 8
began=$(date +%s%N)
expect 1 "$pomona" run photos timed --part-rows 16 --format csv -k 8
took_ms=$((($(date +%s%N) - began) / 1000000))

# kill -9 at random moments: a quarter of the time of a whole run apart on average, so that a run takes several tries.
seed=12345
kills=0
until [ "$kills" -ge "$n_kills" ]; do
    # shellcheck disable=SC2086 # words
    "$pomona" $run --resume >/dev/null 2>&1 &
    pid=$!
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    sleep "$(printf '%d.%03d' $((seed / 65536 % (took_ms / 2 + 1) / 1000)) $((seed / 65536 % (took_ms / 2 + 1) % 1000)))"
    if kill -9 $pid 2>/dev/null; then kills=$((kills + 1)); fi
    code=0
    wait $pid 2>/dev/null || code=$?
    if [ "$code" = 1 ]; then # it got through: start over for the remaining kills
        for part in whole/features/*.parquet; do expect_same "$part" "out/features/$(basename "$part")"; done
        rm -rf out
    elif [ "$code" != 137 ]; then
        fail "a resumed run ended with $code"
    fi
done
# shellcheck disable=SC2086
expect 1 "$pomona" $run --resume
for table in features pca failures features_csv pca_csv failures_csv; do
    for part in whole/$table/part-*; do expect_same "$part" "out/$table/$(basename "$part")"; done
    [ "$(find whole/$table -type f | wc -l)" = "$(find out/$table -type f | wc -l)" ] || fail "files of $table"
done
expect_same whole/pca.safetensors out/pca.safetensors
[ -z "$(find out -name '*.tmp-*')" ] || fail "temporary files are left"
echo "$kills kills, then the same bytes"

# Ctrl-C: the photos in hand are finished, the exit code is 130, and --resume goes on.
rm -rf out
# A shell without job control starts background jobs with SIGINT ignored: send SIGTERM, which is handled alike.
# shellcheck disable=SC2086
"$pomona" $run 2>stderr &
pid=$!
sleep "$(printf '%d.%03d' $((took_ms / 3000)) $((took_ms / 3 % 1000)))"
kill -TERM $pid
code=0
wait $pid || code=$?
[ "$code" = 130 ] || fail "interrupted: exit code $code"
expect_stderr "go on with --resume"
# shellcheck disable=SC2086
expect 1 "$pomona" $run --resume
for part in whole/features/part-*; do expect_same "$part" "out/features/$(basename "$part")"; done

# Two runs cannot write into one output.
rm -rf out
# shellcheck disable=SC2086
"$pomona" $run >/dev/null 2>&1 &
pid=$!
sleep 0.3
# shellcheck disable=SC2086
expect 2 "$pomona" $run --resume
expect_stderr "another pomona is writing to out"
wait $pid || true

# A full disk: exit code 3, a clear message, no half part; after space is freed, --resume finishes.
[ "$(id -u)" = 0 ] || { echo "not root: no small file system to fill"; exit 0; }
mkdir disk
mount -t tmpfs -o size=1m tmpfs disk 2>/dev/null || { echo "cannot mount: no small file system to fill"; exit 0; }
trap 'umount "$work/disk" 2>/dev/null; rm -rf "$work"' EXIT
head -c 500k /dev/zero >disk/ballast
expect 3 "$pomona" run photos disk/out --part-rows 16 --format csv -k 8
expect_stderr "no space left"
for part in disk/out/features/part-*.parquet; do
    [ ! -e "$part" ] || expect_same "$part" "whole/features/$(basename "$part")"
done
mount -o remount,size=64m disk
expect 1 "$pomona" run photos disk/out --part-rows 16 --format csv -k 8 --resume
for part in whole/features/part-*; do expect_same "$part" "disk/out/features/$(basename "$part")"; done
