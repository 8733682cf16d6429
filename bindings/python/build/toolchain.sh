#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes what CMake and Meson need to compile with Zig for ARCHITECTURE and glibc 2.17, which is what manylinux2014 means:
#
#   toolchain.sh ARCHITECTURE FOLDER PYTHON     -> FOLDER/toolchain.cmake, FOLDER/cross.ini, FOLDER/bin/cc …
set -eu
architecture=$1 folder=$2 python=$3
mkdir -p "$folder/bin"
for tool in cc c++ ar ranlib; do
    target=
    case $tool in cc | c++) target="-target $architecture-linux-gnu.2.17" ;; esac
    printf '#!/bin/sh\nexec "%s" -m ziglang %s "$@"\n' "$python" "$tool $target" >"$folder/bin/$tool"
    chmod +x "$folder/bin/$tool"
done
# Asked for the preprocessor alone, as Meson does, Zig hands the glibc version to clang, which does not know it.
sed -i "2i case \" \$* \" in *' -E '*) exec \"$python\" -m ziglang cc -target $architecture-linux-gnu \"\$@\" ;; esac" \
    "$folder/bin/cc"

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
TOOLCHAIN

cat >"$folder/cross.ini" <<CROSS
[binaries]
c = '$folder/bin/cc'
ar = '$folder/bin/ar'
ranlib = '$folder/bin/ranlib'
strip = 'strip'
pkg-config = 'pkg-config'

[properties]
pkg_config_libdir = '$folder/lib/pkgconfig'
needs_exe_wrapper = $([ "$architecture" = "$(uname -m)" ] && echo false || echo true)

[host_machine]
system = 'linux'
cpu_family = '$architecture'
cpu = '$architecture'
endian = 'little'
CROSS
