# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests that need an S3 server, after tests/cli/lib.sh: versitygw, which checks signatures, hashes of bodies
# and clocks, on a port of its own and over a folder that goes away. It ends with the test, and by itself after 20 minutes.
go_tools=$POMONA_SOURCE/.deps/go/bin
versitygw=$(PATH="$go_tools:$PATH" command -v versitygw) || skip "no versitygw; tools/setup.sh --tests builds it where Go is"
export AWS_ACCESS_KEY_ID=pomona-test AWS_SECRET_ACCESS_KEY=pomona-test-secret AWS_REGION=eu-central-1
export AWS_CONFIG_FILE="$work/no-config" AWS_SHARED_CREDENTIALS_FILE="$work/no-credentials" AWS_EC2_METADATA_DISABLED=true
unset AWS_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL

# Starts it and waits until it listens: sets server_pid and AWS_ENDPOINT_URL_S3.
start_server() {
    mkdir -p "$work/buckets/bucket" "$work/iam"
    for try in 1 2 3 4 5; do
        port=$((20000 + ($$ * 7 + try * 997) % 30000))
        timeout 1200 "$versitygw" --access "$AWS_ACCESS_KEY_ID" --secret "$AWS_SECRET_ACCESS_KEY" --region "$AWS_REGION" \
            --port "127.0.0.1:$port" --keep-alive --quiet --iam-dir "$work/iam" posix "$work/buckets" >"$work/server.log" 2>&1 &
        server_pid=$!
        export AWS_ENDPOINT_URL_S3="http://127.0.0.1:$port"
        for _ in $(seq 100); do
            kill -0 $server_pid 2>/dev/null || break
            if "$build/tests/s3/s3_tool" list bucket "" >/dev/null 2>&1; then
                trap 'kill $server_pid 2>/dev/null; chmod -R u+rwx "$work" 2>/dev/null; rm -rf "$work"' EXIT
                return 0
            fi
            sleep 0.05
        done
        kill $server_pid 2>/dev/null || true
    done
    fail "versitygw does not start: $(tail -n 3 "$work/server.log")"
}
