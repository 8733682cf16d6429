#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What `make install` puts down works where it lies, away from the build folder: the program starts, finds its libraries and
# runs; the examples build and run by pkg-config alone; headers serve C++; man page and completions are where shells look.
. "$POMONA_SOURCE/tests/cli/lib.sh"

stage=$work/stage
meson install -C "$build" --no-rebuild --destdir "$stage" >meson.log 2>&1 || { tail meson.log; fail "meson install"; }
pc=$(find "$stage" -name pomona.pc)
[ -n "$pc" ] || fail "no pomona.pc is installed"
prefix=$stage$(sed -n 's/^prefix=//p' "$pc")
grep -q "$POMONA_SOURCE\|$build" "$pc" && fail "pomona.pc names the build folder"

# Nothing helps it but what was installed.
unset LD_LIBRARY_PATH
pomona=$prefix/bin/pomona
expect 0 "$pomona" version
draw_photos photos 1
expect 1 "$pomona" run photos out -k 3
expect_file out/report.html

for file in man/man1/pomona.1 bash-completion/completions/pomona.bash zsh/site-functions/_pomona fish/vendor_completions.d/pomona.fish; do
    [ -s "$prefix/share/$file" ] || fail "$file is not installed"
done

command -v pkg-config >/dev/null || skip "no pkg-config"
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR="$stage"
flags=$(pkg-config --cflags --libs pomona)
rpath="-Wl,-rpath,$(dirname "$PKG_CONFIG_PATH")"
for example in "$POMONA_SOURCE"/examples/*.c; do
    # shellcheck disable=SC2086 # flags
    cc "$example" -o "$(basename "$example" .c)" $flags "$rpath" -lm || fail "$example does not build"
done
photo=$(find photos -name '*.jpg' -size +2k ! -path '*damaged*' | head -n 1)
expect 0 ./extract_photo "$photo"
expect 0 ./fit_and_apply_pca
echo '#include <pomona/pomona.h>
int main() { return pom_version()[0] == 0; }' >program.cc
if command -v c++ >/dev/null; then
    # shellcheck disable=SC2086
    c++ program.cc -o program $flags "$rpath" || fail "a C++ program does not build"
    expect 0 ./program
fi
