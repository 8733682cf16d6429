#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The wheel, from nothing, for this processor or another:
#
#   bindings/python/build_wheel.sh [x86_64|aarch64] [OUTPUT FOLDER]      default: this machine's, dist/
#   bindings/python/build_wheel.sh --tools [x86_64|aarch64]              no more than what it takes, for later
#
# Needs python3, cmake, ninja, nasm (x86_64) and curl, which tools/setup.sh brings where they are missing, and pip's, npm's and
# apt's registries; all else it brings into .deps/static. The result runs on every Linux with glibc 2.17 or later and asks for no
# system library; S3 works where the system has libcurl.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
tools_alone=no
[ "${1:-}" != --tools ] || { tools_alone=yes && shift; }
architecture=${1:-$(uname -m)}
output=${2:-$root/dist}
mkdir -p "$root/.deps/static"
work=$(cd "$root/.deps/static" && pwd -P)
case $architecture in
x86_64 | aarch64) ;;
*)
    echo "build_wheel: $architecture: use x86_64 or aarch64" >&2
    exit 2
    ;;
esac

# missing: what is not here, in words; nothing when all is.
missing() {
    for tool in python3 cmake ninja curl $([ "$architecture" = aarch64 ] || echo nasm); do
        command -v "$tool" >/dev/null || printf '%s ' "$tool"
    done
    [ -e "$root/.deps/duckdb/duckdb.h" ] || printf 'duckdb.h '
    [ -e "$root/.deps/web/picogl.min.js" ] || printf 'PicoGL.js '
}
[ -z "$(missing)" ] || "$root/tools/setup.sh" --wheel
[ -z "$(missing)" ] || { echo "build_wheel: missing: $(missing)(tools/setup.sh --wheel brings it on Debian and Ubuntu)" >&2; exit 2; }

PYTHON=$work/venv/bin/python
export PYTHON
if ! cmp -s "$here/build/requirements.txt" "$work/venv/requirements.txt"; then
    rm -rf "$work/venv"
    python3 -m venv "$work/venv"
    "$PYTHON" -m pip install --quiet --disable-pip-version-check -r "$here/build/requirements.txt"
    cp "$here/build/requirements.txt" "$work/venv/requirements.txt"
fi
"$root/tools/cross/dependencies.sh" "$architecture" "$work"
[ "$tools_alone" = no ] || exit 0

build=$work/$architecture/pomona
meson="$PYTHON -m mesonbuild.mesonmain"
set -- "$build" "$root" --cross-file "$work/$architecture/cross.ini" --buildtype=release --auto-features=disabled \
    -Dpng=enabled -Dwebp=enabled -Dexpat=enabled -Dcurl=runtime -Dduckdb=runtime -Dreport=enabled \
    -Dhashes=mbedcrypto -Dprefer_static=true \
    -Dc_link_args="-s -Wl,--version-script=$here/build/exports.map"
if [ "$(cat "$build/setup" 2>/dev/null)" != "$*" ]; then # nothing there, or made elsewhere or otherwise
    rm -rf "$build"
    $meson setup "$@" >"$work/$architecture/pomona.log" || { tail -n 20 "$work/$architecture/pomona.log" >&2; exit 1; }
    echo "$*" >"$build/setup"
fi
echo "build_wheel: building pomona for $architecture"
$meson compile -C "$build" pomona:shared_library >"$work/$architecture/pomona.log" ||
    { tail -n 40 "$work/$architecture/pomona.log" >&2; exit 1; }

package=$work/$architecture/package
rm -rf "$package"
mkdir -p "$package"
cp -R "$here/pomona" "$here/pyproject.toml" "$here/setup.py" "$here/README.md" "$package"
cp "$root/LICENSE" "$root/NOTICE" "$package"
cp -R "$work/$architecture/licences" "$package"
cp -L "$build/src/libpomona.so" "$package/pomona/libpomona.so"
"$PYTHON" "$here/build/declarations.py" "$root/include" "$package/pomona/_declarations.py"
POMONA_VERSION=$(sed -n "s/^ *version: '\([0-9.]*\)',$/\1/p" "$root/meson.build" | head -n 1)
export POMONA_VERSION
(cd "$package" && "$PYTHON" -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir wheels .)
mkdir -p "$output"
wheel=$("$PYTHON" -m wheel tags --remove --python-tag py3 --abi-tag none \
    --platform-tag "manylinux_2_17_$architecture.manylinux2014_$architecture" "$package"/wheels/pomona-*.whl)
"$PYTHON" -m auditwheel show "$package/wheels/$wheel" >"$work/$architecture/auditwheel.txt"
grep -q "manylinux_2_17_$architecture\|manylinux_2_[0-9]_$architecture\|manylinux_2_1[0-6]_$architecture" "$work/$architecture/auditwheel.txt" ||
    { cat "$work/$architecture/auditwheel.txt" >&2; exit 1; }
mv "$package/wheels/$wheel" "$output/"
ls -l "$output/$wheel"
