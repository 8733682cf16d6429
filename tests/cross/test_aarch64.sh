#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# aarch64 under qemu: the NEON kernels against plain loops, and photo to features the same bytes as on this machine.
# tools/cross/aarch64.sh says what a cross build needs. Emulation is slow: few networks, few photos.
source=$POMONA_SOURCE
. "$source/tests/cli/lib.sh"
cross=$source/.deps/aarch64/cross.ini
[ "$(uname -m)" != aarch64 ] || skip "this machine is aarch64: the other suites run its kernels"
for tool in aarch64-linux-gnu-gcc qemu-aarch64; do
    command -v $tool >/dev/null || skip "no $tool (tools/setup.sh --tests)"
done
[ -e "$cross" ] || skip "no arm64 libraries (tools/cross/aarch64.sh)"

arm=$build/aarch64
if [ ! -e "$arm/build.ninja" ]; then
    meson setup "$arm" "$source" --cross-file "$cross" --buildtype=release -Dtests=enabled \
        -Dduckdb=disabled -Dreport=disabled >"$work/stdout" 2>&1 ||
        fail "meson setup for aarch64"
fi
programs="examples/extract_photo"
for name in kernels integers integer_engine engine products resample; do programs="$programs tests/kernels/test_$name"; done
# shellcheck disable=SC2086 # a list of names
ninja -C "$arm" $programs >"$work/stdout" 2>&1 || fail "the build for aarch64"

libraries=$(dirname "$cross")/root/usr/lib/aarch64-linux-gnu
emulated() { qemu-aarch64 -cpu max -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH="$libraries" "$@"; }
for name in kernels integers integer_engine products resample; do expect 0 emulated "$arm/tests/kernels/test_$name"; done
expect 0 emulated "$arm/tests/kernels/test_engine" 3

# same_features PHOTO NETWORK PRECISION
same_features() {
    "$build/examples/extract_photo" "$1" "$2" "$3" >here || fail "$1 with $2 in $3"
    expect 0 emulated "$arm/examples/extract_photo" "$1" "$2" "$3"
    cmp here stdout || fail "the features of $1 with $2 in $3 differ on aarch64"
}
expect 0 "$build/tools/demo_photos/demo_photos" photos --per-kind 1
n=0
for photo in photos/*/*.jpg photos/*/*.png; do
    case $photo in photos/damaged/* | *'*'*) continue ;; esac
    for precision in fp32 int16 int8; do same_features "$photo" orchard $precision; done
    n=$((n + 1))
    [ $n -lt 8 ] || break
done
[ $n -gt 0 ] || fail "no photo was drawn"

shared=$POMONA_SHARED
weights=$shared/models/mobilenet_v2_1.0_224_no_top.h5
if [ -e "$weights" ] && "$pomona" network convert "$weights" --out mobilenetv2.safetensors >/dev/null 2>&1; then
    for photo in "$shared"/data/fruits-360/*/*.jpg; do
        same_features "$photo" "$work/mobilenetv2.safetensors" fp32
        break
    done
fi
