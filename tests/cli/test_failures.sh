#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Photos that are not: each is a row with a reason, nothing crashes, and listed = written + failed.
. "$(dirname "$0")/lib.sh"

draw_photos drawn 1
good=$(find drawn -name '*.jpg' -size +2k ! -path '*damaged*' | sort | head -n 1)
mkdir -p photos/names photos/bad
cp "$good" photos/names/plain.jpg
cp "$good" "photos/names/with 'quotes\" and, comma.jpg"
cp "$good" "photos/names/$(printf 'new\nline').jpg"
cp "$good" "photos/names/$(printf '\360\237\215\216').JPG"
cp "$good" photos/names/wrong-ending.png
cp "$good" "photos/names/<script>alert(1)<!--.jpg"
cp "$good" "photos/names/$(printf 'not-utf8-\351').jpg"
: >photos/bad/empty.jpg
echo "a pear, described" >photos/bad/text.jpg
head -c 900 "$good" >photos/bad/truncated.jpg
# A PNG that claims 10,000 x 10,000 pixels: signature, IHDR with its checksum, the beginning of IDAT.
printf '\211PNG\r\n\032\n\000\000\000\rIHDR\000\000\047\020\000\000\047\020\010\002\000\000\000' >photos/bad/huge.png
printf '\065\054\365\160\000\000\000\004IDAT' >>photos/bad/huge.png
ln -s nowhere.jpg photos/bad/dangling.jpg
mkfifo photos/bad/pipe.jpg
n_expected=6
if [ "$(id -u)" != 0 ]; then
    cp "$good" photos/bad/secret.jpg
    chmod 000 photos/bad/secret.jpg
    n_expected=7
fi
mkdir photos/bad/folder.jpg

expect 1 "$pomona" extract photos out --format csv
[ "$(count out written)" = 6 ] || fail "written $(count out written) instead of 6"
[ "$(count out failed)" = $((n_expected + 1)) ] || fail "failed $(count out failed) instead of $((n_expected + 1))"
[ "$(count out listed)" = $((n_expected + 7)) ] || fail "listed $(count out listed)"
rows out/failures >failures.csv
for reason in empty.jpg,bad,decode,empty text.jpg,bad,decode,not_an_image truncated.jpg,bad,decode,truncated \
    huge.png,bad,decode,too_many_pixels dangling.jpg,bad,source,not_found pipe.jpg,bad,source,not_a_file \
    '.jpg,names,source,path_not_utf8'; do
    grep -qF "$reason" failures.csv || { cat failures.csv; fail "no failure row with $reason"; }
done
grep -qF 'not-utf8-\xe9.jpg' failures.csv || fail "the path that is not UTF-8 is not escaped"

# What was mended is found by --retry-failed; the rest stays as it was.
cp "$good" photos/bad/text.jpg
expect 1 "$pomona" extract photos out --format csv --retry-failed
[ "$(count out written)" = 7 ] || fail "after --retry-failed: written $(count out written)"
[ "$(count out failed)" = $n_expected ] || fail "after --retry-failed: failed $(count out failed)"
expect 1 "$pomona" extract photos fresh --format csv
rows fresh/features >fresh.csv
rows out/features | cmp -s - fresh.csv || fail "retried rows are not those of a fresh run"

# New photos: refused by name, then added by --update.
cp "$good" photos/names/zz-new.jpg
expect 2 "$pomona" extract photos out --format csv --resume
expect_stderr "new photos: 1, gone: 0 (e.g. photos/names/zz-new.jpg)"
expect 1 "$pomona" extract photos out --format csv --update
[ "$(count out written)" = 8 ] || fail "after --update: written $(count out written)"
[ "$(count out listed)" = $((n_expected + 8)) ] || fail "after --update: listed $(count out listed)"

# A folder that links back to its parent is an error by name, not an endless walk.
ln -s .. photos/names/loop
expect 3 "$pomona" extract photos loop
expect_stderr "photos/names/loop is a symbolic link to one of its own parent folders"
rm photos/names/loop

# List files keep the user's paths and drop duplicates.
printf '%s\n\n%s\n%s\n' "$good" "photos/names/plain.jpg" "$good" >list.txt
expect 0 "$pomona" extract @list.txt listed
[ "$(count listed listed)" = 2 ] || fail "list file: listed $(count listed listed)"
