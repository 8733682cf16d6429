#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# WebAssembly in node: a photo's features in every precision are the same bytes as on this machine.
# tools/cross/dependencies.sh brings what the build needs.
source=$POMONA_SOURCE
. "$source/tests/cli/lib.sh"
cross=$source/.deps/static/wasm32
for tool in emcc node; do
    command -v $tool >/dev/null || skip "no $tool (tools/setup.sh --tests)"
done
[ -e "$cross/ready" ] || skip "no libraries for WebAssembly (tools/setup.sh --tests)"

wasm=$build/wasm32
if [ ! -e "$wasm/build.ninja" ]; then
    meson setup "$wasm" "$source" --cross-file "$cross/cross.ini" --buildtype=release >"$work/stdout" 2>&1 ||
        fail "meson setup for WebAssembly"
fi
ninja -C "$wasm" examples/extract_photo.js >"$work/stdout" 2>&1 || fail "the build for WebAssembly"
in_node() { "$cross/bin/run" "$wasm/examples/extract_photo.js" "$@"; }

# same_features PHOTO NETWORK PRECISION
same_features() {
    "$build/examples/extract_photo" "$1" "$2" "$3" >here || fail "$1 with $2 in $3"
    [ "$(wc -l <here)" = 1280 ] || fail "$1 with $2 in $3: not 1280 features"
    expect 0 in_node "$1" "$2" "$3"
    cmp here stdout || fail "the features of $1 with $2 in $3 differ in WebAssembly"
    n=$((n + 1))
}

networks=orchard
weights=$POMONA_SHARED/models/mobilenet_v2_1.0_224_no_top.h5
if [ -e "$weights" ]; then
    expect 0 "$pomona" network convert "$weights" --out converted.pomona
    expect 0 "$pomona" network calibrate converted.pomona --out mobilenetv2.pomona
    networks="orchard $work/mobilenetv2.pomona"
fi
expect 0 "$build/tools/demo_photos/demo_photos" photos --per-kind 1
mkdir few
n=0
for photo in photos/*/*.jpg "$POMONA_SHARED"/data/fruits-360/*/*.jpg "$POMONA_SHARED"/data/phone-photos/*/*.jpg; do
    case $photo in photos/damaged/* | *'*'*) continue ;; esac
    n=$((n + 1))
    [ $((n % 150)) != 1 ] || cp "$photo" "few/$n.jpg"
done
n=0
for photo in few/*.jpg; do
    for network in $networks; do
        for precision in fp32 int16 int8; do same_features "$photo" "$network" "$precision"; done
    done
done
[ $n -ge 6 ] || fail "compared no more than $n times"
echo "$n times the same bytes"

# libjpeg leaves a damaged photo by a long jump.
printf '\377\330\377\333 no JPEG' >damaged.jpg
expect 1 "$build/examples/extract_photo" damaged.jpg
mv stderr wanted
expect 1 in_node damaged.jpg
expect_same stderr wanted
