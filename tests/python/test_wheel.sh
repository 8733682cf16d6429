#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The wheel as a user gets it: built from nothing, installed into a clean environment, run where no compiler and no library
# of this build is in sight. One photo's features are the build's, from the disk and from S3; without libcurl it says so.
. "$POMONA_SOURCE/tests/cli/lib.sh"
. "$POMONA_SOURCE/tests/s3/server.sh"
requirements=$POMONA_SOURCE/tests/requirements.txt
wheel_tools=$POMONA_SOURCE/.deps/static
[ "$(uname -m)" = x86_64 ] || skip "the wheel test is for x86_64"
for tool in python3 cmake ninja nasm curl readelf; do
    command -v $tool >/dev/null || skip "no $tool (tools/setup.sh --tests)"
done
[ -e "$wheel_tools/x86_64/ready" ] || skip "no sources and compiler for the wheel in .deps (tools/setup.sh --tests)"

expect 0 "$POMONA_SOURCE/bindings/python/build_wheel.sh" x86_64 "$work/dist"
wheel=$(echo "$work"/dist/pomona-*-py3-none-*manylinux_2_17_x86_64*.whl)
expect_file "$wheel"
[ "$(wc -c <"$wheel")" -lt 5000000 ] || fail "the wheel has $(wc -c <"$wheel") bytes"

# What it asks of a machine, what it shows to one, and the licences of what it carries.
python3 -m venv clean
sed -n '/^numpy==/,/[^\\]$/p' "$requirements" >numpy.txt
expect 0 clean/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement numpy.txt
expect 0 clean/bin/pip install --quiet --disable-pip-version-check --no-index "$wheel"
library=$(find clean -name libpomona.so)
needed=$(readelf -dW "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -v -e '^libc\.so\.6$' -e '^libm\.so\.6$' \
    -e '^libpthread\.so\.0$' -e '^libdl\.so\.2$' -e '^ld-linux' || true)
[ -z "$needed" ] || fail "the wheel's library needs $needed"
newest=$(readelf -VW "$library" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
[ "$(printf '%s\nGLIBC_2.17\n' "$newest" | sort -V | tail -n 1)" = GLIBC_2.17 ] || fail "the wheel's library needs $newest"
shown=$(readelf --dyn-syms -W "$library" | awk '$7 != "UND" && $5 != "LOCAL" && NR > 3 { print $8 }' | grep -v '^pom_' || true)
[ -z "$shown" ] || fail "the wheel's library shows $shown"
[ "$(readelf --dyn-syms -W "$library" | grep -c ' pom_')" -gt 40 ] || fail "the wheel's library shows too little"
for name in LICENSE NOTICE zlib libpng libjpeg-turbo libwebp jansson mbedtls expat; do
    find clean -path '*/pomona-*.dist-info/*' -name "$name*" | grep -q . || fail "no licence of $name in the wheel"
done

# in_clean [NAME=VALUE...] PHOTO: features of one photo, printed as extract_photo prints them, with nothing in PATH.
cat >features.py <<'PYTHON'
import sys, pomona
print("\n".join("%.9g" % value for value in pomona.Network("orchard").features(sys.argv[1])))
PYTHON
in_clean() {
    env -i PATH=/nonexistent AWS_ACCESS_KEY_ID="$AWS_ACCESS_KEY_ID" AWS_SECRET_ACCESS_KEY="$AWS_SECRET_ACCESS_KEY" \
        AWS_REGION="$AWS_REGION" AWS_ENDPOINT_URL_S3="${AWS_ENDPOINT_URL_S3:-}" AWS_EC2_METADATA_DISABLED=true "${2:-NONE=}" \
        clean/bin/python features.py "$1"
}
draw_photos photos 1
photo=$(find photos -name '*.jpg' ! -path '*damaged*' | sort | head -n 1)
"$build/examples/extract_photo" "$photo" orchard >wanted || fail "extract_photo"
expect 0 in_clean "$photo"
expect_same stdout wanted

# A whole run: refused in words without DuckDB, and with PyPI's the tables of the program.
cat >whole_run.py <<'PYTHON'
import ctypes, sys, pomona
from pomona import _library as library, _run
from pomona.pca import solver
options = _run.run_options({"source": sys.argv[1], "output": sys.argv[2], "network": "orchard", "formats": "csv", "pca.n_components": 3})
options.pca.solve_symmetric = solver()
try:
    library.call(library.pom_run, ctypes.byref(options), None)
except pomona.Error as error:
    sys.exit(f"{error.reason}: {error.message}")
PYTHON
expect 1 env -i PATH=/nonexistent clean/bin/python whole_run.py photos refused
expect_stderr "no_duckdb: tables need DuckDB: pip install duckdb"
sed -n '/^duckdb==/,/[^\\]$/p' "$requirements" >duckdb.txt
expect 0 clean/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement duckdb.txt
expect 0 env -i PATH=/nonexistent clean/bin/python whole_run.py photos from-wheel
expect 1 "$pomona" run photos from-program --network orchard --format csv -k 3 --quiet # 1: damaged photos among the drawn
for table in features failures; do
    rows from-wheel/$table >here.csv && rows from-program/$table >wanted.csv
    expect_same here.csv wanted.csv
done
expect_file from-wheel/report.html
[ ! -e from-wheel/plots ] || fail "a folder for plots that nobody draws"

start_server
mkdir -p "$work/buckets/bucket/photos"
cp "$photo" "$work/buckets/bucket/photos/photo.jpg"
expect 0 in_clean s3://bucket/photos/photo.jpg
expect_same stdout wanted
expect 1 in_clean s3://bucket/photos/nothing.jpg
expect_stderr "NoSuchKey"

mkdir without && echo "no library" | tee without/libcurl.so.4 >without/libcurl-gnutls.so.4
expect 1 in_clean s3://bucket/photos/photo.jpg LD_LIBRARY_PATH="$work/without"
expect_stderr "reading s3:// needs libcurl.so.4 on this machine: apt install libcurl4, or dnf install libcurl"
expect 0 in_clean "$photo" LD_LIBRARY_PATH="$work/without"
expect_same stdout wanted

# The other processor's wheel, in an emulator, where its tools are there: bindings/python/build_wheel.sh --tools aarch64
if [ -e "$wheel_tools/aarch64/ready" ] && command -v qemu-aarch64 >/dev/null && [ -d /usr/aarch64-linux-gnu ]; then
    expect 0 "$POMONA_SOURCE/bindings/python/build_wheel.sh" aarch64 "$work/dist"
    python3 -m zipfile -e "$work"/dist/pomona-*_aarch64*.whl aarch64
    ln -s libpomona.so aarch64/pomona/libpomona.so.0
    expect 0 "$wheel_tools/aarch64/bin/cc" -I "$POMONA_SOURCE/include" "$POMONA_SOURCE/examples/extract_photo.c" -o extract_aarch64 \
        -L aarch64/pomona -lpomona
    expect 0 qemu-aarch64 -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH="$work/aarch64/pomona" ./extract_aarch64 "$photo" orchard
    expect_same stdout wanted
    echo "aarch64 too"
fi
