#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_header.sh HEADER: compiles it alone, as C99 and C++11, without any extension.
set -eu
include=$POMONA_SOURCE/include
name=pomona/$(basename "$1")
printf '#include <%s>\nint main(void) { return 0; }\n' "$name" |
    ${CC:-cc} -std=c99 -pedantic-errors -Wall -Wextra -Werror -I"$include" -x c -fsyntax-only -
if command -v "${CXX:-c++}" >/dev/null; then
    printf '#include <%s>\nint main() { return 0; }\n' "$name" |
        ${CXX:-c++} -std=c++11 -pedantic-errors -Wall -Wextra -Werror -I"$include" -x c++ -fsyntax-only -
else
    echo "no C++ compiler: only C99 was checked"
fi
