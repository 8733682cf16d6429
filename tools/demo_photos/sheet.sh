#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes docs/images/demo_photos.jpg, the README's picture, from photos that demo_photos draws; needs ImageMagick.
# usage, in the source root: tools/demo_photos/sheet.sh build/tools/demo_photos/demo_photos docs/images/demo_photos.jpg
set -eu
program=$1
sheet=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$program" "$work" --per-kind 24 --seed 1 >/dev/null
# Two of each kind, for variety in number, light and ground.
set --
for photo in \
    apple-red-005 avocado-008 blueberry-002 kiwi-003 lemon-011 pineapple-006 strawberry-003 watermelon-008 cherry-017 \
    orange-013 pear-023 plum-022 tomato-005 grapes-020 banana-022 lime-005 peach-016 apple-green-012 \
    blueberry-013 strawberry-012 tomato-012 orange-006 apple-red-012 peach-011 lemon-009 lime-017 plum-001 \
    banana-016 cherry-003 kiwi-017 apple-green-020 watermelon-004 grapes-013 avocado-002 pear-003 pineapple-011; do
    set -- "$@" "$(echo "$work/${photo%-*}/$photo".*)"
done
montage "$@" -auto-orient -thumbnail 130x130^ -gravity center -extent 130x130 -tile 9x -geometry +2+2 \
    -background white -strip -quality 78 -sampling-factor 4:2:0 "$sheet"
