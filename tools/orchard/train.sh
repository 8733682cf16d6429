#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Redoes the embedded network from the shared photos and the teacher: pool, training, cool-down, export, table.
#
#   tools/orchard/train.sh --out DIR [--tiny] [--images N] [--seed N] [--shards N]
#
# Started again with the same DIR it goes on where it was stopped. --tiny proves the chain in a few minutes and
# gives a network of no use. PYTHON names the interpreter with requirements.txt installed. The finished files are
# DIR/orchard.safetensors, DIR/orchard_features.safetensors and DIR/orchard_float.safetensors; copying the first
# two into src/networks and tests/golden is left to you. Pomona must have been built (build/src/libpomona.so, or
# LIBRARY): it runs the teacher.
set -eu
here=$(dirname "$0")
python=${PYTHON:-python3}
out= images=2500000 cooldown=400000 shards=120 shard_images=2048 seed=1 processes=2
resolution=64:200000,112 finish=144
while [ $# -gt 0 ]; do
    case $1 in
        --out) out=$2; shift 2 ;;
        --images) images=$2; shift 2 ;;
        --seed) seed=$2; shift 2 ;;
        --shards) shards=$2; shift 2 ;;
        --tiny) images=6400 cooldown=3200 shards=2 shard_images=512 resolution=64; shift ;;
        *) echo "train.sh: unknown argument $1; see the top of this file" >&2; exit 2 ;;
    esac
done
[ -n "$out" ] || { echo "train.sh: --out DIR is missing: where pool, checkpoints and results go" >&2; exit 2; }
mkdir -p "$out"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

# The pool grows beside the training, which needs only the first shards to start.
library=${LIBRARY:-$here/../../build/src/libpomona.so}
"$python" "$here/pool.py" --out "$out" --library "$library" --shards 2 --images "$shard_images"
"$python" "$here/pool.py" --out "$out" --library "$library" --shards "$shards" --images "$shard_images" > "$out/pool.log" 2>&1 &
pool=$!
trap 'kill $pool 2> /dev/null || true' EXIT
steady=$((images - cooldown))
name=seed$seed
"$python" "$here/train.py" --out "$out" --name "$name" --seed "$seed" --images "$steady" \
    --resolution "$resolution" --processes $processes
"$python" "$here/train.py" --out "$out" --name "$name-cool" --start-from "$name" --seed "$seed" \
    --images "$images" --cooldown "$cooldown" --average 0.99 --resolution "$finish" --processes $processes
"$python" "$here/export.py" --out "$out" --name "$name-cool" --network "$out/orchard.safetensors" \
    --golden "$out/orchard_features.safetensors" --float "$out/orchard_float.safetensors"
"$python" "$here/evaluate.py" --out "$out" table "$out/orchard_float.safetensors" "$out/orchard.safetensors"
