#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Redoes the embedded network from the shared photos and the teacher: pool, training of every seed, first on what the
# teacher sees and then, as the rate falls, on telling kinds apart; export, table.
#
#   tools/orchard/train.sh --out DIR [--tiny] [--images N] [--seeds "1 2 3"] [--shards N]
#
# Started again with the same DIR it goes on where it was stopped. --tiny proves the chain in a few minutes and
# gives a network of no use. PYTHON names the interpreter with requirements.txt installed. Each seed takes one core
# and gives DIR/seedN/orchard.safetensors, orchard_float.safetensors and orchard_features.safetensors; copying the
# first seed's first and last into src/networks and tests/golden is left to you. Pomona must have been built
# (build/src/libpomona.so, or LIBRARY): it runs the teacher. `cc` compiles a part of the training for this machine.
set -eu
here=$(dirname "$0")
python=${PYTHON:-python3}
out= images=1220000 cooldown=120000 shards=34 shard_images=2048 seeds="1 2 3"
resolution=64:150000,96:600000,112 finish=144
while [ $# -gt 0 ]; do
    case $1 in
        --out) out=$2; shift 2 ;;
        --images) images=$2; shift 2 ;;
        --seeds) seeds=$2; shift 2 ;;
        --shards) shards=$2; shift 2 ;;
        --tiny) images=6400 cooldown=3200 shards=2 shard_images=512 seeds=1 resolution=64; shift ;;
        *) echo "train.sh: unknown argument $1; see the top of this file" >&2; exit 2 ;;
    esac
done
[ -n "$out" ] || { echo "train.sh: --out DIR is missing: where pool, checkpoints and results go" >&2; exit 2; }
mkdir -p "$out"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# Every layer's output is as large as the one of the step before: keeping the memory, in huge pages, saves a fifth.
export MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 GLIBC_TUNABLES=glibc.malloc.hugetlb=1

# The pool grows beside the training, which needs only the first shards to start.
library=${LIBRARY:-$here/../../build/src/libpomona.so}
"$python" "$here/pool.py" --out "$out" --library "$library" --shards 2 --images "$shard_images"
"$python" "$here/pool.py" --out "$out" --library "$library" --shards "$shards" --images "$shard_images" > "$out/pool.log" 2>&1 &
children=$!
trap 'kill $children 2> /dev/null || true; wait' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A step of a seed, which ends with the seed: a shell alone would leave it running, and then begin the next.
step() {
    "$python" "$@" &
    running=$!
    wait "$running"
}

one_seed() {
    trap - EXIT
    trap 'kill $running 2> /dev/null || true; wait; exit 143' TERM
    folder=$out/seed$1
    mkdir -p "$folder"
    step "$here/train.py" --out "$out" --name "seed$1" --seed "$1" --images $((images - cooldown)) --resolution "$resolution"
    step "$here/train.py" --out "$out" --name "seed$1-cool" --start-from "seed$1" --seed "$1" \
        --images "$images" --cooldown "$cooldown" --average 0.99 --resolution "$finish" --relations 1 --kinds 2 --rank 0.4
    step "$here/export.py" --out "$out" --name "seed$1-cool" --network "$folder/orchard.safetensors" \
        --golden "$folder/orchard_features.safetensors" --float "$folder/orchard_float.safetensors"
}

training=
for seed in $seeds; do
    one_seed "$seed" > "$out/seed$seed.log" 2>&1 &
    training="$training $!"
    children="$children $!"
done
echo "train.sh: seeds $seeds train; how far they are: tail $out/seed*.log"
for process in $training; do
    wait "$process" || { echo "train.sh: a seed failed; see the end of $out/seed*.log" >&2; exit 1; }
done
"$python" "$here/evaluate.py" --out "$out" table "$out"/seed*/orchard_float.safetensors "$out"/seed*/orchard.safetensors
