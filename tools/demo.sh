#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# From drawn photos to a report, with what was just built: tools/demo.sh BUILD
set -eu
build=${1:-build}

echo "demo: drawing photos into demo/photos"
rm -rf demo/photos
mkdir -p demo
"$build/tools/demo_photos/demo_photos" demo/photos

echo "demo: pomona run demo/photos demo/out --network orchard"
status=0
"$build/apps/pomona/pomona" run demo/photos demo/out --network orchard --overwrite || status=$?

# Two of the photos are damaged on purpose, so 1 ("done, some photos failed") is what success looks like here.
if [ "$status" != 1 ]; then
    echo "demo: the run ended with exit code $status, expected 1" >&2
    exit 3
fi

cat <<EOF

Look at:
  demo/out/report.html            counts, failures, variance, photos in 2D and 3D, nearest neighbours
  demo/out/plots/                 the same plots as SVG and PNG
  demo/out/features/ and pca/     Parquet: open in Spark, pandas or DuckDB
  demo/out/failures/              the two damaged photos, with reasons
  demo/out/run.json               what was run, with which network, and what came of it
EOF
