#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the libraries that Pomona contains in the wheel and in WebAssembly, static ones:
#
#   dependencies.sh ARCHITECTURE FOLDER      x86_64, aarch64 or wasm32; FOLDER/sources is kept, FOLDER/ARCHITECTURE is made
#
# Sources are the upstream archives that Debian carries, from the mirror that this machine's apt uses; what decides is the
# SHA-256 beside each name. The compiler is Zig's clang (PYTHON -m ziglang), which brings the headers and symbol versions
# of any glibc, or Emscripten.
set -eu
architecture=$1
mkdir -p "$2/sources"
folder=$(cd "$2" && pwd -P)
prefix=$folder/$architecture
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}

# pool path, SHA-256
sources="
main/z/zlib/zlib_1.3.dfsg+really1.3.2.orig.tar.gz 7b6903eb019983987b7112eccf90f1703f1c6c0e0cede36564bf611d19ca579d
main/libp/libpng1.6/libpng1.6_1.6.58.orig.tar.gz a9d4df463d36a6e5f9c29bd6f4967312d17e996c1854f3511f833924eb1993cf
main/libj/libjpeg-turbo/libjpeg-turbo_3.1.3.orig.tar.gz 3a13a5ba767dc8264bc40b185e41368a80d5d5f945944d1dbaa4b2fb0099f4e5
main/libw/libwebp/libwebp_1.6.0.orig.tar.gz e4ab7009bf0629fd11982d4c2aa83964cf244cffba7347ecd39019a9e38c4564
main/j/jansson/jansson_2.15.1.orig.tar.gz 12ee844d80157043c099e6ec41e2f5f40516b2043ab8d2b3eca6594920714f49
main/m/mbedtls/mbedtls_3.6.7.orig.tar.bz2 a7e8bcbec0e6f761b4af24f25677626b35f762f68eef79c08677a363212d11f6
main/e/expat/expat_2.7.1.orig.tar.gz 85372797ff0673a8fc4a6be16466bb5a0ca28c0dcf3c6f7ac1686b4a3ba2aabb
main/c/curl/curl_7.88.1.orig.tar.gz cdb38b72e36bc5d33d5b8810f8018ece1baa29a8f215b4495e495ded82bbf3c7
"

fail() {
    echo "dependencies: $1" >&2
    exit 1
}

fetch() {
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -m 1 '/debian/*$' || true)
    [ -n "$mirror" ] || fail "no Debian mirror among apt's sources: put $1 into $folder/sources by hand"
    echo "dependencies: fetching ${1##*/}"
    curl -fsS --retry 3 -o "$folder/sources/part" "${mirror%/}/pool/$1" || fail "cannot fetch $1"
    mv "$folder/sources/part" "$folder/sources/${1##*/}"
}

echo "$sources" | while read -r path sha256; do
    [ -n "$path" ] || continue
    file=$folder/sources/${path##*/}
    [ -e "$file" ] || fetch "$path"
    echo "$sha256  $file" | sha256sum --check --quiet || fail "$file has another checksum than the one written here"
done

[ "$architecture" != wasm32 ] || command -v emcc >/dev/null || fail "no emcc: install Emscripten (tools/setup.sh --tests)"

source_of() {
    unpacked=$folder/unpacked/$1
    if [ ! -d "$unpacked" ]; then
        mkdir -p "$unpacked.part"
        tar -xf "$folder"/sources/"$1"_*.orig.tar.* -C "$unpacked.part" --strip-components=1
        mv "$unpacked.part" "$unpacked"
    fi
    echo "$unpacked"
}

with_cmake() {
    name=$1
    shift
    [ -e "$prefix/$name.done" ] && return
    echo "dependencies: building $name for $architecture"
    CMAKE_POLICY_VERSION_MINIMUM=3.5 cmake -S "$(source_of "$name")/${subfolder:-}" -B "$prefix/build/$name" -G Ninja \
        -DCMAKE_TOOLCHAIN_FILE="$prefix/toolchain.cmake" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" \
        -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_PREFIX_PATH="$prefix" -DBUILD_SHARED_LIBS=OFF \
        -DCMAKE_POSITION_INDEPENDENT_CODE=ON "$@" >"$prefix/build/$name.log" 2>&1 &&
        ninja -C "$prefix/build/$name" install >>"$prefix/build/$name.log" 2>&1 ||
        fail "$name does not build: $(tail -n 20 "$prefix/build/$name.log")"
    touch "$prefix/$name.done"
}

# What was built elsewhere names files there, in place of which a linker would take the system's.
if [ "$(cat "$prefix/place" 2>/dev/null)" != "$prefix" ]; then
    rm -rf "$prefix"
    mkdir -p "$prefix"
    echo "$prefix" >"$prefix/place"
fi
mkdir -p "$prefix/build"
"$here/toolchain.sh" "$architecture" "$prefix" "$python"

with_cmake jansson -DJANSSON_BUILD_DOCS=OFF -DJANSSON_EXAMPLES=OFF -DJANSSON_WITHOUT_TESTS=ON
with_cmake mbedtls -DENABLE_PROGRAMS=OFF -DENABLE_TESTING=OFF -DUSE_STATIC_MBEDTLS_LIBRARY=ON
simd=$([ "$architecture" = wasm32 ] && echo -DWITH_SIMD=OFF || echo -DREQUIRE_SIMD=ON)
with_cmake libjpeg-turbo -DENABLE_SHARED=OFF "$simd" -DWITH_TURBOJPEG=OFF -DWITH_TOOLS=OFF -DWITH_TESTS=OFF
if [ "$architecture" = wasm32 ]; then # a JPEG to its features, and no more
    touch "$prefix/ready"
    exit 0
fi

# Debian leaves out a part of zlib's sources that its CMake files ask for; its own script does not.
if [ ! -e "$prefix/zlib.done" ]; then
    echo "dependencies: building zlib for $architecture"
    mkdir -p "$prefix/build/zlib"
    (cd "$prefix/build/zlib" && export CC="$prefix/bin/cc" AR="$prefix/bin/ar" RANLIB="$prefix/bin/ranlib" CFLAGS="-O3 -fPIC" &&
        "$(source_of zlib)/configure" --static --prefix="$prefix" && make install) >"$prefix/build/zlib.log" 2>&1 ||
        fail "zlib does not build: $(tail -n 20 "$prefix/build/zlib.log")"
    touch "$prefix/zlib.done"
fi
with_cmake libpng1.6 -DPNG_SHARED=OFF -DPNG_TESTS=OFF -DPNG_TOOLS=OFF
with_cmake libwebp -DWEBP_BUILD_ANIM_UTILS=OFF -DWEBP_BUILD_CWEBP=OFF -DWEBP_BUILD_DWEBP=OFF -DWEBP_BUILD_GIF2WEBP=OFF \
    -DWEBP_BUILD_IMG2WEBP=OFF -DWEBP_BUILD_VWEBP=OFF -DWEBP_BUILD_WEBPINFO=OFF -DWEBP_BUILD_WEBPMUX=OFF \
    -DWEBP_BUILD_EXTRAS=OFF -DWEBP_BUILD_LIBWEBPMUX=OFF
subfolder=expat with_cmake expat -DEXPAT_SHARED_LIBS=OFF -DEXPAT_BUILD_TOOLS=OFF -DEXPAT_BUILD_EXAMPLES=OFF \
    -DEXPAT_BUILD_TESTS=OFF -DEXPAT_BUILD_DOCS=OFF

# Of libcurl the headers alone: the library is the host's (src/base/curl.h).
if [ ! -e "$prefix/curl.done" ]; then
    mkdir -p "$prefix/include/curl" "$prefix/lib/pkgconfig"
    cp "$(source_of curl)"/include/curl/*.h "$prefix/include/curl"
    printf 'Name: libcurl\nDescription: headers\nVersion: 7.88.1\nCflags: -I%s\n' "$prefix/include" \
        >"$prefix/lib/pkgconfig/libcurl.pc"
    touch "$prefix/curl.done"
fi

# What their licences ask of whoever passes them on.
mkdir -p "$prefix/licences"
for name in zlib libpng1.6 libjpeg-turbo libwebp jansson mbedtls expat; do
    for file in LICENSE LICENSE.md README.ijg COPYING expat/COPYING; do
        [ ! -e "$(source_of $name)/$file" ] || cp "$(source_of $name)/$file" "$prefix/licences/$name-$(basename "$file" .md)"
    done
done
touch "$prefix/ready"
