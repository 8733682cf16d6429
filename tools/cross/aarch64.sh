#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes .deps/aarch64: the arm64 libraries that a cross build needs, unpacked from Debian's or Ubuntu's packages into a
# folder of their own (the system's packages stay as they are), and a Meson cross file, whose programs run in qemu.
#
#   tools/cross/aarch64.sh
#   meson setup build-aarch64 --cross-file .deps/aarch64/cross.ini && ninja -C build-aarch64
#
# Needs gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user, which tools/setup.sh --tests installs.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p .deps
folder=$(cd .deps && pwd -P)/aarch64
if [ -e "$folder/cross.ini" ]; then exit 0; fi

# A list of packages and a record of what is installed that are not the system's.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/packages"
: >"$work/status"
apt() {
    apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State::lists="$work/lists" \
        -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache" -o APT::Sandbox::User="$(id -un)" \
        -o Debug::NoLocking=1 "$@"
}
apt update
# Those that a photo needs on its way to features, and what they and the tests depend on.
packages="libcmocka-dev libcmocka0 libjansson-dev libjansson4 libssl-dev libpng-dev zlib1g-dev zlib1g"
case $(. /etc/os-release && echo "$ID") in
ubuntu) packages="$packages libjpeg-turbo8-dev libjpeg-turbo8" ;;
*) packages="$packages libjpeg62-turbo-dev libjpeg62-turbo" ;;
esac
for choice in "libssl3 libssl3t64" "libpng16-16 libpng16-16t64"; do
    for name in $choice; do
        if apt-cache -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State::lists="$work/lists" \
            -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache" show "$name" >/dev/null 2>&1; then
            packages="$packages $name"
            break
        fi
    done
done
# shellcheck disable=SC2086 # a list of names
(cd "$work/packages" && apt download $packages)

rm -rf "$folder"
mkdir -p "$folder/root"
for package in "$work"/packages/*.deb; do dpkg -x "$package" "$folder/root"; done
if [ -d "$folder/root/lib" ]; then cp -R "$folder/root/lib/." "$folder/root/usr/lib/"; fi # before Debian joined the two
libraries=$folder/root/usr/lib/aarch64-linux-gnu
sed -i "s|=/usr|=$folder/root/usr|" "$libraries"/pkgconfig/*.pc
cat >"$folder/cross.ini" <<INI
[binaries]
c = 'aarch64-linux-gnu-gcc'
ar = 'aarch64-linux-gnu-ar'
strip = 'aarch64-linux-gnu-strip'
pkgconfig = 'pkg-config'
exe_wrapper = ['qemu-aarch64', '-L', '/usr/aarch64-linux-gnu', '-E', 'LD_LIBRARY_PATH=$libraries']

[built-in options]
c_args = ['-isystem', '$folder/root/usr/include', '-isystem', '$folder/root/usr/include/aarch64-linux-gnu']
c_link_args = ['-L$libraries', '-Wl,-rpath-link,$libraries']

[properties]
pkg_config_libdir = '$libraries/pkgconfig'

[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
INI
echo "cross: $folder is ready ($(du -sh "$folder" | cut -f1))"
