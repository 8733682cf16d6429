#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What demo_photos promises: the same seed gives the same bytes for any number of threads and of photos, files are
# what their names say, two are broken, and exit codes are as documented. usage: demo_photos.sh PROGRAM
set -eu
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "FAIL: $*" >&2; exit 1; }
first_bytes() { od -An -tx1 -N"$2" "$1" | tr -d ' \n'; }
expect_exit() { # code, then a command
    want=$1; shift
    got=0; "$@" >/dev/null 2>&1 || got=$?
    [ "$got" = "$want" ] || fail "exit $got, not $want: $*"
}

"$program" "$work/four" --per-kind 4 --threads 3 >/dev/null
"$program" "$work/two" --per-kind 2 --threads 1 >/dev/null
"$program" "$work/other" --per-kind 1 --seed 2 >/dev/null

kinds=$(ls "$work/four" | grep -cvx damaged)
[ "$kinds" -ge 12 ] || fail "only $kinds kinds"
n=$(find "$work/four" -type f | wc -l)
[ "$n" = $((4 * kinds + 2)) ] || fail "$n files for $kinds kinds of 4"

# The smaller set is a part of the larger one, byte for byte; another seed gives other photos.
(cd "$work/two" && find . -type f) | while read -r file; do
    cmp "$work/two/$file" "$work/four/$file" || fail "$file differs between runs"
done
for folder in "$work"/other/*; do
    kind=${folder##*/}
    [ "$kind" = damaged ] && continue
    for file in "$folder"/*-001.*; do
        ! cmp -s "$file" "$work/two/$kind/${file##*/}" || fail "seed 2 repeats seed 1: $file"
    done
done

for file in "$work"/four/*/*-00?.*; do
    case $file in
    *.jpg) [ "$(first_bytes "$file" 3)" = ffd8ff ] && [ "$(tail -c 2 "$file" | od -An -tx1 | tr -d ' \n')" = ffd9 ] ;;
    *.png) [ "$(first_bytes "$file" 8)" = 89504e470d0a1a0a ] ;;
    *.webp) [ "$(first_bytes "$file" 4)" = 52494646 ] && [ "$(tail -c +9 "$file" | head -c 4)" = WEBP ] ;;
    *) false ;;
    esac || fail "$file is not what its name says"
done
for suffix in jpg png webp; do
    [ "$(find "$work/four" -name "*.$suffix" | wc -l)" -ge "$kinds" ] || fail "too few .$suffix"
done
[ "$(grep -l Exif "$work"/four/*/*-002.jpg | wc -l)" = "$kinds" ] || fail "EXIF missing"

damaged=$work/four/damaged
[ "$(first_bytes "$damaged/truncated.jpg" 3)" = ffd8ff ] || fail "truncated.jpg does not begin as a JPEG"
[ "$(tail -c 2 "$damaged/truncated.jpg" | od -An -tx1 | tr -d ' \n')" != ffd9 ] || fail "truncated.jpg is whole"
[ "$(first_bytes "$damaged/not-an-image.jpg" 3)" != ffd8ff ] || fail "not-an-image.jpg is an image"

expect_exit 0 "$program" --help
expect_exit 2 "$program"
expect_exit 2 "$program" "$work/x" --per-kind 0
expect_exit 2 "$program" "$work/x" --seed
expect_exit 2 "$program" "$work/x" --fast
expect_exit 2 "$program" "$work/x" "$work/y"
expect_exit 1 "$program" /dev/null/x
[ ! -e "$work/x" ] || fail "a wrong command line left files"
