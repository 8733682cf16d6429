#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_exports.sh LIBRARY: every exported symbol is declared in include/pomona, every declared function is exported.
set -eu
exported=$(nm -D --defined-only "$1" | awk '$2 ~ /[TDBR]/ { print $3 }' | sed 's/@.*//' | sort -u)
declared=$(cat "$POMONA_SOURCE"/include/pomona/*.h | tr '\n' ' ' | grep -o 'POM_API[^;]*;' |
    grep -o 'pom_[a-z0-9_]*(' | tr -d '(' | sort -u)
[ "$(echo "$declared" | wc -l)" -gt 20 ] || { echo "only few declarations found: is the pattern still right?"; exit 1; }
wrong=0
for symbol in $exported; do
    echo "$declared" | grep -qx "$symbol" || { echo "exported but not declared: $symbol"; wrong=1; }
done
for symbol in $declared; do
    echo "$exported" | grep -qx "$symbol" || { echo "declared but not exported: $symbol"; wrong=1; }
done
exit $wrong
