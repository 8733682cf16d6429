#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes what CMake and Meson need to compile for ARCHITECTURE: with Zig and glibc 2.17, which is what manylinux2014 means, or
# with Emscripten where it is wasm32:
#
#   toolchain.sh ARCHITECTURE FOLDER PYTHON     -> FOLDER/toolchain.cmake, FOLDER/cross.ini, FOLDER/bin/cc …
set -eu
architecture=$1 folder=$2 python=$3
mkdir -p "$folder/bin"

# tool NAME COMMAND: FOLDER/bin/NAME, which runs it
tool() {
    printf '#!/bin/sh\nexec %s "$@"\n' "$2" >"$folder/bin/$1"
    chmod +x "$folder/bin/$1"
}
case $architecture in
wasm32)
    system=emscripten
    # Emscripten takes a second to start the clang that it finds: it is asked for what it adds, once, and left to link.
    # Debian's asks node for a module that only Debian's own node finds by itself.
    emscripten="env NODE_PATH=/usr/share/nodejs em"
    tool cc "${emscripten}cc"
    sed -i "2i case \" \$* \" in *' -c '* | *' -E '*) exec $(em-config LLVM_ROOT)/clang $(emcc --cflags) \"\$@\" ;; esac" "$folder/bin/cc"
    for name in ar ranlib; do tool $name "$emscripten$name"; done
    # Where node can fetch, what an older Emscripten writes fetches the program too, and node fetches no files.
    fetch=$(node --no-experimental-fetch -e 0 2>/dev/null && echo --no-experimental-fetch || true)
    tool run "node $fetch"
    run="exe_wrapper = '$folder/bin/run'"
    options="[built-in options]
c_link_args = ['-sNODERAWFS=1', '-sALLOW_MEMORY_GROWTH=1', '-sEXIT_RUNTIME=1'] # node, with this machine's files
default_library = 'static'
auto_features = 'disabled'

[project options]
curl = 'disabled'
duckdb = 'disabled'
hashes = 'mbedcrypto'"
    cmake_options="set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY) # the linker is slow, and sizes are read from what it leaves
set(CMAKE_C_BYTE_ORDER LITTLE_ENDIAN)"
    ;;
*)
    system=linux run= options= cmake_options=
    for name in cc c++; do tool $name "\"$python\" -m ziglang $name -target $architecture-linux-gnu.2.17"; done
    for name in ar ranlib; do tool $name "\"$python\" -m ziglang $name"; done
    # Asked for the preprocessor alone, as Meson does, Zig hands the glibc version to clang, which does not know it.
    sed -i "2i case \" \$* \" in *' -E '*) exec \"$python\" -m ziglang cc -target $architecture-linux-gnu \"\$@\" ;; esac" \
        "$folder/bin/cc"
    ;;
esac

cat >"$folder/toolchain.cmake" <<TOOLCHAIN
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR $architecture)
set(CMAKE_C_COMPILER $folder/bin/cc)
set(CMAKE_CXX_COMPILER $folder/bin/c++)
set(CMAKE_AR $folder/bin/ar)
set(CMAKE_RANLIB $folder/bin/ranlib)
set(CMAKE_FIND_ROOT_PATH $folder)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
$cmake_options
TOOLCHAIN

cat >"$folder/cross.ini" <<CROSS
[binaries]
c = '$folder/bin/cc'
ar = '$folder/bin/ar'
ranlib = '$folder/bin/ranlib'
strip = 'strip'
pkg-config = 'pkg-config'
pkgconfig = 'pkg-config' # its name before Meson 1.3
$run

$options

[properties]
pkg_config_libdir = '$folder/lib/pkgconfig'
needs_exe_wrapper = $([ "$architecture" = "$(uname -m)" ] && echo false || echo true)

[host_machine]
system = '$system'
cpu_family = '$architecture'
cpu = '$architecture'
endian = 'little'
CROSS
