# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests that need an S3 server, after tests/cli/lib.sh: on a port of its own and over a folder that goes
# away. It ends with the test, and by itself after 20 minutes. POMONA_S3_SERVER chooses it:
#
#   versitygw   checks signatures, hashes of bodies and clocks, and keeps objects as files; unless another is named
#   minio       checks IAM policies with their conditions as well; for the long run, where somebody has built it
#
# $bucket is a folder with what is in the bucket "bucket": the server's own, or a copy that `pull` brings up to date.
: "${POMONA_S3_SERVER:=versitygw}"
go_tools=$POMONA_SOURCE/.deps/go/bin
s3_tool=$build/tests/s3/s3_tool
case $POMONA_S3_SERVER in
versitygw) how="tools/setup.sh --tests builds it where Go is" ;;
minio) how="tools/setup.sh --minio builds it where Go is" ;;
*) fail "no server $POMONA_S3_SERVER" ;;
esac
server=$(PATH="$go_tools:$PATH" command -v "$POMONA_S3_SERVER") || skip "no $POMONA_S3_SERVER; $how"
export AWS_ACCESS_KEY_ID=pomona-test AWS_SECRET_ACCESS_KEY=pomona-test-secret AWS_REGION=eu-central-1
export AWS_CONFIG_FILE="$work/no-config" AWS_SHARED_CREDENTIALS_FILE="$work/no-credentials" AWS_EC2_METADATA_DISABLED=true
unset AWS_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL
bucket=$work/buckets/bucket

launch_versitygw() {
    mkdir -p "$bucket" "$work/iam"
    exec timeout 1200 "$server" --access "$AWS_ACCESS_KEY_ID" --secret "$AWS_SECRET_ACCESS_KEY" --region "$AWS_REGION" \
        --port "127.0.0.1:$1" --keep-alive --quiet --iam-dir "$work/iam" posix "$work/buckets"
}

# A folder in its data folder is a bucket.
launch_minio() {
    mkdir -p "$bucket" "$work/minio/bucket"
    export MINIO_ROOT_USER="$AWS_ACCESS_KEY_ID" MINIO_ROOT_PASSWORD="$AWS_SECRET_ACCESS_KEY" MINIO_SITE_REGION="$AWS_REGION"
    export MINIO_BROWSER=off MINIO_UPDATE=off
    exec timeout 1200 "$server" server --quiet --address "127.0.0.1:$1" --certs-dir "$work" "$work/minio"
}

# Starts it and waits until it listens: sets server_pid and AWS_ENDPOINT_URL_S3.
start_server() {
    for try in 1 2 3 4 5; do
        port=$((20000 + ($$ * 7 + try * 997) % 30000))
        "launch_$POMONA_S3_SERVER" "$port" >"$work/server.log" 2>&1 &
        server_pid=$!
        export AWS_ENDPOINT_URL_S3="http://127.0.0.1:$port"
        for _ in $(seq 100); do
            kill -0 $server_pid 2>/dev/null || break
            if "$s3_tool" list bucket "" >/dev/null 2>&1; then
                trap 'kill $server_pid 2>/dev/null; chmod -R u+rwx "$work" 2>/dev/null; rm -rf "$work"' EXIT
                return 0
            fi
            sleep 0.05
        done
        kill $server_pid 2>/dev/null || true
    done
    fail "$POMONA_S3_SERVER does not start: $(tail -n 3 "$work/server.log")"
}

has_files() { [ "$POMONA_S3_SERVER" = versitygw ]; }

keys() { "$s3_tool" list bucket "$1" | sed -n 's/^key \(.*\) [0-9]*$/\1/p'; }

# push PATH KEY: a file, or a folder with all in it, into the bucket
push() {
    if has_files; then
        cp -r "$1" "$bucket/$2"
        return
    fi
    find "$1" -type f | while IFS= read -r file; do
        "$s3_tool" upload bucket "$2${file#"$1"}" "$file" >/dev/null || fail "cannot push $file"
    done
}

# Brings $bucket up to date.
pull() {
    if has_files; then return; fi
    rm -rf "$bucket" && mkdir -p "$bucket"
    keys "" | while IFS= read -r key; do
        mkdir -p "$bucket/$(dirname "$key")"
        "$s3_tool" download bucket "$key" "$bucket/$key" >/dev/null || fail "cannot pull $key"
    done
}

# discard KEY: an object, or all below it
discard() {
    rm -rf "${bucket:?}/$1"
    if has_files; then return; fi
    keys "$1" | while IFS= read -r key; do "$s3_tool" delete bucket "$key" >/dev/null; done
}

is_there() { [ -n "$(keys "$1")" ]; }
