#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The engine with all its kernel sets stays under a megabyte (2^20 bytes): code and constants of src/kernels and src/cnn, as compiled
# for a release.
set -eu
limit=1048576
command -v size >/dev/null || { echo "skipped: no size (binutils)"; exit 77; }
cd "$POMONA_BUILD/src"
# Objects of a set that the build no longer has may lie about; archives and the library's list do not name them.
kernels=$(size kernels/lib*.a | awk 'NR > 1 { sum += $1 + $2 } END { print sum + 0 }')
engine=$(size libpomona_internal.a.p/cnn_*.o | awk 'NR > 1 { sum += $1 + $2 } END { print sum + 0 }')
[ "$kernels" -gt 10000 ] && [ "$engine" -gt 10000 ] || { echo "not found: kernels $kernels, engine $engine bytes"; exit 1; }
echo "kernels $kernels bytes, engine $engine bytes, limit $limit"
[ $((kernels + engine)) -lt $limit ]
