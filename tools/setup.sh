#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Brings a Debian or Ubuntu machine to the point where Pomona builds: system packages by apt, DuckDB and the report's
# plotting library from npm into .deps/, all pinned by version and checksum. Quick when nothing is missing.
#
#   tools/setup.sh            what `make` needs
#   tools/setup.sh --wheel    what bindings/python/build_wheel.sh needs, and no more
#   tools/setup.sh --tests    also what the long tests need: browser, fuzzing, ARM and WebAssembly compilers, emulator, Python packages
#   tools/setup.sh --minio    also MinIO, a second S3 server for the long tests: minutes of building
#   tools/setup.sh --dry-run  print what would be installed
set -eu

cd "$(dirname "$0")/.."
root=$PWD
dry_run=no
wheel_only=no
with_tests=no
with_minio=no
for argument in "$@"; do
    case $argument in
    --wheel) wheel_only=yes ;;
    --tests) with_tests=yes ;;
    --minio) with_minio=yes ;;
    --dry-run) dry_run=yes ;;
    *)
        sed -n '6,10s/^# *//p' "$0" >&2
        exit 2
        ;;
    esac
done

build_packages="gcc libc6-dev meson ninja-build pkg-config make openssl
    libjpeg62-turbo-dev libpng-dev libwebp-dev
    libssl-dev libjansson-dev
    libcurl4-openssl-dev libexpat1-dev libopenblas-dev liblapacke-dev libcairo2-dev"
test_packages="libcmocka-dev libhdf5-dev clang clang-format libclang-rt-dev g++ python3 python3-venv chromium
    openjdk-17-jre-headless gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user emscripten cmake nasm curl"
wheel_packages="python3 python3-venv cmake ninja-build nasm curl openssl pkg-config"

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

package_is_there() {
    dpkg-query -W -f '${Status}\n' "$1" 2>/dev/null | grep -q 'ok installed'
}

# Debian and Ubuntu name some packages differently: take the first name that is installed or to be had.
candidates() {
    case $1 in
    libjpeg62-turbo-dev) echo "libjpeg62-turbo-dev libjpeg-turbo8-dev" ;;
    libclang-rt-dev) echo "libclang-rt-14-dev libclang-rt-18-dev libclang-rt-19-dev libclang-rt-dev" ;;
    # Spark 3.5 is made for Java 8, 11 and 17; a newer one is better than none.
    openjdk-17-jre-headless) echo "openjdk-17-jre-headless openjdk-11-jre-headless default-jre-headless" ;;
    chromium) echo "chromium chromium-browser" ;;
    *) echo "$1" ;;
    esac
}

# Functions with names of their own inside run in a subshell (round brackets), since sh has no local variables.
missing_packages() (
    for wanted in "$@"; do
        found=
        for name in $(candidates "$wanted"); do
            if package_is_there "$name"; then found=$name; fi
        done
        [ -n "$found" ] || printf '%s ' "$wanted"
    done
)

install_packages() (
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || exit 0
    echo "setup: system packages to install: $missing"
    [ "$dry_run" = no ] || exit 0
    if ! command -v apt-get >/dev/null; then
        echo "setup: this machine has no apt-get; the README names the packages for Fedora and Homebrew" >&2
        exit 3
    fi
    as_root apt-get update -qq
    chosen=
    for wanted in $missing; do
        for name in $(candidates "$wanted"); do
            if apt-cache show "$name" >/dev/null 2>&1; then
                chosen="$chosen $name"
                break
            fi
        done
    done
    # shellcheck disable=SC2086 # a list of names
    DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends $chosen >/dev/null
)

# npm_archive NAME VERSION SHA512 FOLDER FILE...: unpacks the named files of one npm archive into .deps/FOLDER.
npm_archive() (
    name=$1 version=$2 sha512=$3 folder=.deps/$4
    shift 4
    stamp=$folder/.$(printf '%s' "$name-$version" | tr '/@' '__')
    if [ -e "$stamp" ]; then exit 0; fi
    echo "setup: to download into $folder: $name $version (npm)"
    [ "$dry_run" = no ] || exit 0
    command -v npm >/dev/null || install_packages npm
    work=$(mktemp -d)
    (cd "$work" && npm pack --silent "$name@$version" >/dev/null 2>&1) || {
        echo "setup: npm could not fetch $name $version: is the network there?" >&2
        exit 3
    }
    archive=$(find "$work" -name '*.tgz')
    got=$(openssl dgst -sha512 -binary "$archive" | openssl base64 -A)
    if [ "$got" != "$sha512" ]; then
        echo "setup: $name $version has SHA-512 $got, expected $sha512: not installed" >&2
        exit 3
    fi
    mkdir -p "$folder"
    for file in "$@"; do
        tar -xzf "$archive" -C "$work" "package/$file"
        mv "$work/package/$file" "$folder/"
    done
    rm -rf "$work"
    : >"$stamp"
)

# A DuckDB that the system offers is taken first.
duckdb() {
    if pkg-config --exists duckdb 2>/dev/null; then return 0; fi
    case $(uname -m) in
    x86_64)
        npm_archive @duckdb/node-bindings-linux-x64 1.4.4-r.3 \
            Z59zpUIcZilHBmcZpmwfFwi6/OAnKlVQCE9/NGgZCFSqYeb+3ij5HQy26hp10GIiv3HxUQGId8HVs92x2jvckQ== \
            duckdb libduckdb.so
        ;;
    aarch64)
        npm_archive @duckdb/node-bindings-linux-arm64 1.4.4-r.3 \
            qF2/WhB+i+8is60RrpTY/5ZnywIUayuBiVXSuQ4rrRn1m1gvfKqPvjySbiDjYgQo/6OXu/fax0KC1gXnNWoLEA== \
            duckdb libduckdb.so
        ;;
    *)
        echo "setup: no DuckDB for $(uname -m): install libduckdb with its pkg-config file" >&2
        exit 3
        ;;
    esac
    npm_archive duckdb 1.4.4 \
        hEJJ5hyVF0VLj3dmOLpsWrQR0b3d4Ykqtygm6iUXjHJDDnSqg/USKxcb5qvNrOhFYPgktayU6dXCtgPqcmmpog== \
        duckdb src/duckdb/src/include/duckdb.h
}

# What the HTML report draws with; its licence stands at the top of the file.
picogl() {
    npm_archive picogl 0.17.9 \
        TfqB7jlD5FTO4a/Rp9wnMhVjPA0XZ/xbtLS2f8eHtOmVtIOhFD7Wf0jUL6kDjww3bgF/REEV9oPreBeGvWFlUQ== \
        web build/picogl.min.js
}

# The long tests compare with numpy, pyarrow, pandas, Spark and boto3; the quick ones need none of it.
python_packages() (
    requirements=$1 folder=.deps/$2
    stamp=$folder/.$(openssl dgst -sha256 -r "$requirements" | cut -c1-16)
    if [ -e "$stamp" ]; then exit 0; fi
    echo "setup: Python packages to install into $folder: $(sed -n 's/^\([^ #]*==[^ ]*\).*/\1/p' "$requirements" | tr '\n' ' ')"
    [ "$dry_run" = no ] || exit 0
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --requirement "$requirements"
    : >"$stamp"
)

# go_server NAME PACKAGE VERSION: a server for the tests, built where Go is, whose checksum database vouches for it.
go_server() {
    stamp=.deps/go/.$1-$3
    if [ -e "$stamp" ]; then return 0; fi
    if ! command -v go >/dev/null; then
        echo "setup: no Go: the tests that need the S3 server $1 will be skipped"
        return 0
    fi
    echo "setup: to build into .deps/go/bin: $1 $3 (Go)"
    [ "$dry_run" = no ] || return 0
    GOBIN="$root/.deps/go/bin" go install "$2@$3" >/dev/null 2>&1 || {
        echo "setup: $1 could not be built: its tests will be skipped" >&2
        return 0
    }
    : >"$stamp"
}

# It verifies signatures, hashes of bodies and clocks.
versitygw() { go_server versitygw github.com/versity/versitygw/cmd/versitygw v1.8.0; }

# It evaluates policies with their conditions. AGPL: the tests start it, and nothing that is built here contains it.
minio() { go_server minio github.com/minio/minio v0.0.0-20260212201848-7aac2a2c5b7c; }

# Compiler and libraries of the Python wheel, in .deps/static: built once, in about two minutes.
wheel_tools() {
    if [ "$(uname -m)" != x86_64 ] || [ -e "$root/.deps/static/x86_64/ready" ]; then return 0; fi
    echo "setup: to build into .deps/static: what the Python wheel is made with"
    [ "$dry_run" = no ] || return 0
    bindings/python/build_wheel.sh --tools x86_64 >/dev/null || echo "setup: the test of the wheel will be skipped" >&2
}

wasm_libraries() {
    if [ -e "$root/.deps/static/wasm32/ready" ]; then return 0; fi
    echo "setup: to build into .deps/static: libraries for WebAssembly"
    [ "$dry_run" = no ] || return 0
    tools/cross/dependencies.sh wasm32 .deps/static >/dev/null || echo "setup: the test in WebAssembly will be skipped" >&2
}

# Spark's s3a://, by the Maven client that pyspark has in it: hadoop-aws of pyspark's Hadoop, and of the SDK that it was made
# with the parts that it needs, which are 5 MB where the bundle is 280. The rest of what they ask for is in Spark.
s3a_jars() (
    folder=$root/.deps/s3a sdk=1.12.262
    stamp=$folder/.hadoop-aws-3.3.4
    if [ -e "$stamp" ]; then exit 0; fi
    echo "setup: to download into .deps/s3a: hadoop-aws 3.3.4 and aws-java-sdk $sdk (Maven)"
    [ "$dry_run" = no ] || exit 0
    work=$(mktemp -d)
    packages=org.apache.hadoop:hadoop-aws:3.3.4
    for part in core s3 dynamodb; do packages=$packages,com.amazonaws:aws-java-sdk-$part:$sdk; done
    mkdir -p "$folder"
    "$root/.deps/python/bin/python3" - "$work" "$packages" >"$work/log" 2>&1 <<'PYTHON' || true
import sys
from pyspark.sql import SparkSession
settings = {"spark.ui.enabled": "false", "spark.jars.ivy": sys.argv[1], "spark.jars.packages": sys.argv[2],
            "spark.jars.excludes": "com.amazonaws:aws-java-sdk-bundle"}
builder = SparkSession.builder.master("local[1]")
for name, value in settings.items():
    builder = builder.config(name, value)
builder.getOrCreate().stop()
PYTHON
    while read -r _ jar; do
        if [ -e "$work/jars/$jar" ]; then cp "$work/jars/$jar" "$folder/"; fi
    done <tests/s3/s3a.sha256
    rm -rf "$work"
    if (cd "$folder" && sha256sum --check --status "$root/tests/s3/s3a.sha256" 2>/dev/null); then
        : >"$stamp"
    else
        rm -rf "$folder"
        echo "setup: hadoop-aws could not be had as it should be: the test of s3a:// will be skipped" >&2
    fi
)

# shellcheck disable=SC2086 # lists of names
if [ "$wheel_only$with_tests" = yesno ]; then install_packages $wheel_packages; else install_packages $build_packages; fi
duckdb
picogl
if [ "$with_tests" = yes ]; then
    # shellcheck disable=SC2086
    install_packages $test_packages
    versitygw
    if [ -e "$root/tests/requirements.txt" ]; then
        python_packages tests/requirements.txt python
        python_packages tests/s3/requirements.txt s3-python
        s3a_jars
        python_packages tests/deploy/requirements.txt deploy-python
        python_packages tests/examples/requirements.txt notebook-python
    fi
    wheel_tools
    wasm_libraries
    if [ "$dry_run" = no ] && [ "$(uname -m)" != aarch64 ]; then
        tools/cross/aarch64.sh || echo "setup: no arm64 libraries: the tests of the NEON kernels are skipped" >&2
    fi
fi
if [ "$with_minio" = yes ]; then minio; fi
