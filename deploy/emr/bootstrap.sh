#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Bootstrap action of the EMR cluster: the wheel, what it needs and the network come from the project's bucket, checked, into
# /opt/pomona. No package index is asked.
#
#   bootstrap.sh s3://BUCKET/code/… SHA256-OF-pomona.tar.gz
set -eu
code=$1 sha256=$2 target=${POMONA_TARGET:-/opt/pomona}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
as_root() {
    if [ -w "$(dirname "$target")" ]; then "$@"; else sudo "$@"; fi
}

aws s3 cp --only-show-errors "$code/pomona.tar.gz" "$work/pomona.tar.gz"
echo "$sha256  $work/pomona.tar.gz" | sha256sum --check --quiet || {
    echo "bootstrap: $code/pomona.tar.gz is not the file that was uploaded for this cluster: nothing is installed" >&2
    exit 1
}
as_root mkdir -p "$target/bin"
as_root tar -xzf "$work/pomona.tar.gz" -C "$target" --no-same-owner
# What Spark starts as python: the node's own, with the packages of the archive before it, and the archive's network by its name.
printf '#!/bin/sh\nPOMONA_NETWORKS=%s/networks PYTHONPATH=%s/site${PYTHONPATH:+:$PYTHONPATH} exec /usr/bin/env python3 "$@"\n' \
    "$target" "$target" >"$work/python3"
chmod 755 "$work/python3"
as_root cp "$work/python3" "$target/bin/python3"
"$target/bin/python3" -c 'import pomona; print("pomona", pomona.__version__, pomona.kernel_set())'
