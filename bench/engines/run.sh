#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Measures Pomona's engine beside ONNX Runtime, OpenVINO, oneDNN and XNNPACK on this machine (engines.py says how): installs
# their packages into .deps/bench-engines, pinned, and builds nothing foreign. A package that is not to be had here is
# skipped by name.
#
#   bench/engines/run.sh --network NAME|FILE --photos FOLDER [--precision fp32|int8] [--rounds N] [--json FILE]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
environment=$root/.deps/bench-engines
stamp=$environment/.$(cksum "$here/requirements.txt" | cut -d ' ' -f 1)
if [ ! -e "$stamp" ]; then
    python3 -m venv "$environment"
    # One by one: what this machine cannot have must not keep the others away.
    grep -v '^#' "$here/requirements.txt" | while read -r package; do
        "$environment/bin/pip" install --quiet "$package" || echo "run.sh: $package cannot be installed: skipped" >&2
    done
    : >"$stamp"
fi
[ -x "$root/build/apps/pomona/pomona" ] || {
    echo "run.sh: build first: make" >&2
    exit 2
}
exec "$environment/bin/python" "$here/engines.py" "$@"
