#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Reads every #include "..." under src/, apps/ and examples/ and fails on an arrow that arrows.txt does not allow.
set -eu
cd "$POMONA_SOURCE"
table=tests/architecture/arrows.txt
wrong=0
checked=0

for file in $(find src -name '*.[ch]'); do
    folder=$(echo "$file" | cut -d/ -f2)
    allowed="$folder pomona $(sed -n "s/^$folder: *//p" "$table")"
    grep -q "^$folder:" "$table" || { echo "$file: folder src/$folder is not in $table"; wrong=1; }
    for target in $(sed -n 's/^ *# *include "\([^"]*\)".*/\1/p' "$file"); do
        checked=$((checked + 1))
        [ "$target" != config.h ] || continue
        case " $allowed " in
        *" ${target%%/*} "*) ;;
        *) echo "$file: may not include \"$target\" (src/$folder may include: $allowed)"; wrong=1 ;;
        esac
    done
done

for file in $(find apps examples tools -name '*.[ch]'); do
    for target in $(sed -n 's/^ *# *include "\([^"]*\)".*/\1/p' "$file"); do
        checked=$((checked + 1))
        case $target in
        pomona/*) ;;
        */*) echo "$file: may only include pomona/ and its own folder, not \"$target\""; wrong=1 ;;
        *) [ -e "$(dirname "$file")/$target" ] || { echo "$file: \"$target\" is not beside it"; wrong=1; } ;;
        esac
    done
done

[ "$checked" -gt 10 ] || { echo "only $checked includes found: is the check still looking in the right place?"; exit 1; }
echo "$checked includes checked"
exit $wrong
