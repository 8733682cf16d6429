#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A folder as it comes: 1,600 real photos, every kind of file that is a photo though it may not look like one, and every
# kind that is not. Nothing crashes, no photo disappears, each failure has the reason it should have.
. "$(dirname "$0")/lib.sh"

real=$POMONA_SHARED/data/fruits-360
kinds=$POMONA_SOURCE/tests/golden/image
[ -d "$real" ] || skip "no real photos in ../shared/data/fruits-360"
n_real=$(find "$real" -type f | wc -l)
one=$(find "$real" -name '*.jpg' | sort | head -n 1)

mkdir -p photos/unusual photos/names photos/bad
ln -s "$real" photos/fruits

# Photos, all of them: turned eight ways, CMYK, 16-bit, palette, alpha, progressive, a wrong ending, 12 megapixels.
for kind in jpeg-exif-1.jpg jpeg-exif-2.jpg jpeg-exif-3.jpg jpeg-exif-4.jpg jpeg-exif-5.jpg jpeg-exif-6.jpg \
    jpeg-exif-7.jpg jpeg-exif-8.jpg jpeg-cmyk.jpg jpeg-ycck.jpg jpeg-grey.jpg jpeg-420-progressive.jpg \
    jpeg-arithmetic.jpg jpeg-1x1.jpg jpeg-trailing-bytes.jpg png-rgb-16.png png-grey-16-interlaced.png \
    png-palette-1.png png-palette-8.png png-palette-transparent.png png-rgba-8.png png-grey-alpha-8.png \
    webp-lossy-alpha.webp webp-lossless.webp jpeg-wrong-extension.png; do
    cp "$kinds/$kind" photos/unusual/
done
cp "$kinds/png-rgb-8.png" photos/unusual/really-a-png.webp
draw_photos drawn 7 # the seventh of some kinds is a large one
large=$(find drawn -name '*.jpg' -size +300k | sort | head -n 1)
[ -n "$large" ] || fail "no 12-megapixel photo was drawn"
cp "$large" photos/unusual/12-megapixels.JPEG
cp "$one" "photos/names/with 'quotes\" and, comma.jpg"
cp "$one" "photos/names/$(printf 'new\nline').jpg"
cp "$one" "photos/names/$(printf '\360\237\215\216').jpg"
cp "$one" "photos/names/<script>alert(1)<!--.jpg"
cp "$one" "photos/names/-rf --overwrite \$(reboot) %s%n.jpg"
cp "$one" "photos/names/$(printf '%0200d' 7).jpg"

# Not photos: name in photos/bad, the reason expected.
expected="$work/expected.txt"
bad() { # NAME REASON: the file is there already, or of that name among the golden ones
    [ -e "photos/bad/$1" ] || [ -L "photos/bad/$1" ] || cp "$kinds/$1" photos/bad/
    echo "photos/bad/$1 $2" >>"$expected"
}
: >photos/bad/nothing.jpg
echo "a pear, described" >photos/bad/described.jpg
printf 'GIF89a\001\000\001\000\000\000\000;' >photos/bad/gif.jpg
head -c 1500 "$one" >photos/bad/cut.jpg
head -c 200000 "$large" >photos/bad/cut-large.jpg
ln -s nowhere.jpg photos/bad/dangling.jpg
mkfifo photos/bad/pipe.jpg
bad nothing.jpg empty
bad described.jpg not_an_image
bad gif.jpg unsupported
bad cut.jpg truncated
bad cut-large.jpg truncated
bad dangling.jpg not_found
bad pipe.jpg not_a_file
bad jpeg-truncated.jpg truncated
bad jpeg-only-header.jpg truncated
bad jpeg-bad-quantisation.jpg corrupt
bad jpeg-progressive-truncated.jpg truncated
bad jpeg-progressive-bomb.jpg too_many_scans
bad jpeg-100-megapixel-claim.jpg too_many_pixels
bad png-truncated.png truncated
bad png-bad-deflate.png corrupt
bad png-100-megapixel-claim.png too_many_pixels
bad png-largest-claim.png too_many_pixels
bad webp-truncated.webp truncated
bad webp-100-megapixel-claim.webp corrupt
if can_lose_privileges; then
    cp "$one" photos/bad/secret.jpg
    chmod 000 photos/bad/secret.jpg
    bad secret.jpg unreadable
else
    echo "without an unreadable file: this user reads everything"
fi
cp "$one" "photos/names/$(printf 'not-utf8-\351').jpg"
echo "photos/names/not-utf8-\\xe9.jpg path_not_utf8" >>"$expected"

n_bad=$(wc -l <"$expected")
n_made=$(find photos/unusual photos/names -type f -exec printf x \; | wc -c) # names may hold newlines
n_good=$((n_real + n_made - 1))
expect 1 unprivileged "$pomona" run photos out --format csv -k 20 --part-rows 500
for pair in "listed $((n_good + n_bad))" "written $n_good" "failed $n_bad"; do
    [ "$(count out "${pair% *}")" = "${pair#* }" ] || fail "$(count out "${pair% *}") ${pair% *} instead of ${pair#* }"
done
[ "$(rows out/failures | wc -l)" = "$n_bad" ] || fail "rows in failures: $(rows out/failures | wc -l) instead of $n_bad"
rows out/failures | sed 's/^\([^,]*\),[^,]*,[^,]*,\([a-z0-9_]*\),.*/\1 \2/' | sort >reasons
sort "$expected" | diff - reasons || fail "reasons are not those expected"
for file in report.html pca.safetensors features/_SUCCESS pca/_SUCCESS failures/_SUCCESS; do expect_file "out/$file"; done
grep -qF '<script>alert(1)' out/report.html && fail "a file name reached the report as markup"
grep -q 'GPS\|Exif' out/features_csv/part-00000-*.csv && fail "EXIF reached a table"

# What it said about every photo it says again, with one thread and in other parts.
rows out/features | sort >features.csv
expect 1 unprivileged "$pomona" extract photos again --format csv --part-rows 97 --threads 1
rows again/features | sort | cmp -s - features.csv || fail "features differ with other parts and threads"
rows again/failures | sed 's/^\([^,]*\),[^,]*,[^,]*,\([a-z0-9_]*\),.*/\1 \2/' | sort | cmp -s - reasons || fail "reasons differ"
echo "$n_good written, $n_bad failed as expected"
