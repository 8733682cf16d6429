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
    apple-red-006 avocado-010 blueberry-002 kiwi-003 lemon-011 pineapple-001 strawberry-003 watermelon-008 cherry-004 \
    orange-011 pear-010 plum-022 tomato-002 grapes-006 banana-009 lime-005 peach-006 apple-green-019 \
    blueberry-013 strawberry-012 tomato-003 orange-006 apple-red-012 peach-003 lemon-009 lime-009 plum-004 \
    banana-019 cherry-017 kiwi-014 apple-green-005 watermelon-004 grapes-002 avocado-008 pear-005 pineapple-004; do
    set -- "$@" "$(echo "$work/${photo%-*}/$photo".*)"
done
montage "$@" -auto-orient -thumbnail 130x130^ -gravity center -extent 130x130 -tile 9x -geometry +2+2 \
    -background white -strip -quality 78 -sampling-factor 4:2:0 "$sheet"
