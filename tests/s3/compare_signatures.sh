#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# compare_signatures.sh: 3000 random requests, signed by botocore and by us, with a seed that is new every day.
set -eu
python=$POMONA_SOURCE/.deps/s3-python/bin/python3
test=$POMONA_BUILD/tests/unit/test_signatures
if [ ! -x "$python" ] || [ ! -x "$test" ]; then
    echo "skipped: no botocore in .deps/s3-python (tools/setup.sh --tests), or no cmocka"
    exit 77
fi
seed=$(date +%Y%m%d)
cases=$(mktemp)
trap 'rm -f "$cases"' EXIT
PYTHONDONTWRITEBYTECODE=1 "$python" "$POMONA_SOURCE/tests/unit/s3/make_signatures.py" 3000 "$seed" >"$cases"
echo "seed $seed"
"$test" "$cases"
