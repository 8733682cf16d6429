#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a Python test with the packages of tests/requirements.txt: tests/python.sh SCRIPT ARGUMENT...
# POMONA_PYTHON names another environment below .deps: s3-python has those of tests/s3/requirements.txt.
# A test exits with 77 when it cannot run here, and says why.
set -eu
python=$POMONA_SOURCE/.deps/${POMONA_PYTHON:-python}/bin/python3
if [ ! -x "$python" ]; then
    echo "skipped: no .deps/${POMONA_PYTHON:-python}; tools/setup.sh --tests makes it"
    exit 77
fi
export PYTHONDONTWRITEBYTECODE=1
exec "$python" "$@"
