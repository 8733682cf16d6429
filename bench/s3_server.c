// SPDX-License-Identifier: Apache-2.0
/*
 * An S3 server that costs next to nothing, so that what is measured on one machine is the client and the network between
 * them: it lists a bucket of photos and sends them from memory, each answer a fixed time after its request. It checks no
 * signature; that, the tests do with real servers. Loopback only; ends with the script that started it.
 *
 *     s3_server PORT DELAY_MS N_OBJECTS FILE...      object i is FILE[i % n], photos/kind-KKK/IIIIII.jpg
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 4096 /* descriptors; each waits for one answer at most */
#define MAX_HEAD_BYTES  16384
#define PAGE            1000
#define KIND            500 /* objects in a folder */

struct file {
    char *data;
    size_t size_bytes;
};

struct connection {
    char head[MAX_HEAD_BYTES];
    size_t head_bytes;
};

struct pending {
    int descriptor;
    int64_t due_ns;
};

static struct file files[4096];
static long n_files, n_objects;
static int64_t delay_ns;
static struct connection *connections[MAX_CONNECTIONS];
/* The delay is the same for all, so answers are due in the order of their requests. */
static struct pending queue[MAX_CONNECTIONS];
static unsigned queue_begin, queue_end;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void read_file(const char *path)
{
    FILE *from = fopen(path, "rb");
    if (from == NULL || fseek(from, 0, SEEK_END) != 0) fail(path);
    struct file *file = &files[n_files++];
    file->size_bytes = (size_t)ftell(from);
    file->data = malloc(file->size_bytes + 1);
    rewind(from);
    if (file->data == NULL || fread(file->data, 1, file->size_bytes, from) != file->size_bytes) fail(path);
    fclose(from);
}

/* ---- answers ---- */

static void answer(int descriptor, int status, const char *more, const char *body, size_t body_bytes,
                   bool with_body)
{
    char head[512];
    int head_bytes = snprintf(head, sizeof head,
                              "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nx-amz-request-id: BENCH\r\n"
                              "x-amz-bucket-region: eu-central-1\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 "
                              "GMT\r\n%s\r\n",
                              status, body_bytes, more);
    struct iovec parts[2] = {{head, (size_t)head_bytes}, {(char *)body, with_body ? body_bytes : 0}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    while (parts[0].iov_len + parts[1].iov_len > 0) {
        ssize_t n = sendmsg(descriptor, &message, MSG_NOSIGNAL);
        if (n <= 0) return;
        for (int i = 0; i < 2; i++) {
            size_t sent = (size_t)n < parts[i].iov_len ? (size_t)n : parts[i].iov_len;
            parts[i].iov_base = (char *)parts[i].iov_base + sent;
            parts[i].iov_len -= sent;
            n -= (ssize_t)sent;
        }
    }
}

/* The number behind NAME= in the query. */
static long number_of(const char *target, const char *name, long otherwise)
{
    const char *at = strstr(target, name);
    return at != NULL ? atol(at + strlen(name)) : otherwise;
}

static void answer_list(int descriptor, const char *target)
{
    static char text[1 << 19];
    const char *prefix = strstr(target, "prefix="), *kind = strstr(target, "kind-");
    const char *after = strstr(target, "start-after=photos%2Fkind-");
    if (kind != NULL && prefix != NULL && kind > prefix + strcspn(prefix, "& ")) kind = NULL;
    const char *rest = prefix != NULL && strncmp(prefix + 7, "photos", 6) == 0 ? prefix + 13 : "x";
    if (strncmp(rest, "%2F", 3) == 0) rest += 3;
    bool is_here = strcspn(rest, "& ") == 0 || rest == kind;
    bool is_folder = is_here && kind == NULL && strstr(target, "delimiter=") != NULL;
    long begin = kind != NULL ? strtol(kind + 5, NULL, 10) * KIND : 0, end = n_objects;
    if (kind != NULL && begin + KIND < end) end = begin + KIND;
    /* Behind a folder's name, or behind an object's. */
    if (after != NULL) begin = strtol(after + 26, NULL, 10) * KIND;
    if (after != NULL && strncmp(after + 29, "%2F", 3) == 0 && after[32] >= '0' && after[32] <= '9')
        begin = strtol(after + 32, NULL, 10) + 1;
    long first = number_of(target, "continuation-token=", begin), most = number_of(target, "max-keys=", PAGE);
    if (most > PAGE) most = PAGE;
    bool is_truncated = is_here && !is_folder && first + most < end;
    if (is_truncated) end = first + most;
    char *to = text;
    to += sprintf(to,
                  "<?xml version='1.0'?><ListBucketResult><Name>bucket</Name><EncodingType>url</EncodingType>"
                  "<IsTruncated>%s</IsTruncated>",
                  is_truncated ? "true" : "false");
    if (is_truncated) to += sprintf(to, "<NextContinuationToken>%ld</NextContinuationToken>", end);
    for (long i = 0; is_folder && i < n_objects && i / KIND < PAGE; i += KIND)
        to += sprintf(to, "<CommonPrefixes><Prefix>photos/kind-%03ld/</Prefix></CommonPrefixes>", i / KIND);
    for (long i = first; is_here && !is_folder && i < end; i++)
        to += sprintf(to,
                      "<Contents><Key>photos/kind-%03ld/%06ld.jpg</Key><LastModified>2015-10-21T07:28:00.000Z"
                      "</LastModified><ETag>&quot;%032ld&quot;</ETag><Size>%zu</Size><StorageClass>STANDARD"
                      "</StorageClass></Contents>",
                      i / KIND, i, i % n_files, files[i % n_files].size_bytes);
    to += sprintf(to, "</ListBucketResult>");
    answer(descriptor, 200, "Content-Type: application/xml\r\n", text, (size_t)(to - text), true);
}

static void answer_request(int descriptor)
{
    struct connection *connection = connections[descriptor];
    if (connection == NULL) return;
    char *head = connection->head;
    head[strcspn(head, "\r")] = '\0';
    char *target = strchr(head, ' ');
    bool is_head = strncmp(head, "HEAD ", 5) == 0;
    const char *number = target != NULL ? strstr(target, ".jpg") : NULL;
    if (target != NULL && strstr(target, "list-type=2") != NULL) {
        answer_list(descriptor, target);
    } else if (number != NULL && number - target > 6) {
        long i = strtol(number - 6, NULL, 10) % n_files;
        char etag[64];
        snprintf(etag, sizeof etag, "ETag: \"%032ld\"\r\n", i);
        answer(descriptor, 200, etag, files[i].data, files[i].size_bytes, !is_head);
    } else {
        bool is_bucket = target != NULL && strncmp(target, " /bucket", 8) == 0 &&
                         (target[8] == ' ' || target[8] == '?' || strncmp(target + 8, "/ ", 2) == 0);
        answer(descriptor, is_head && is_bucket ? 200 : 404, "", "", 0, false);
    }
    connection->head_bytes = 0;
}

/* ---- the loop ---- */

static void receive(int descriptor)
{
    struct connection *connection = connections[descriptor];
    ssize_t n = recv(descriptor, connection->head + connection->head_bytes,
                     MAX_HEAD_BYTES - 1 - connection->head_bytes, 0);
    if (n <= 0) {
        close(descriptor);
        free(connection);
        connections[descriptor] = NULL;
        return;
    }
    connection->head_bytes += (size_t)n;
    connection->head[connection->head_bytes] = '\0';
    if (strstr(connection->head, "\r\n\r\n") == NULL) return;
    if (delay_ns == 0)
        answer_request(descriptor);
    else
        queue[queue_end++ % MAX_CONNECTIONS] = (struct pending){descriptor, now_ns() + delay_ns};
}

static void accept_one(int listener, int epoll)
{
    int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC), one = 1;
    if (descriptor < 0) return;
    if (descriptor >= MAX_CONNECTIONS) fail("connections");
    connections[descriptor] = calloc(1, sizeof(struct connection));
    if (connections[descriptor] == NULL) fail("connections");
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc - 4 > 4096) return 2;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    delay_ns = atol(argv[2]) * INT64_C(1000000);
    n_objects = atol(argv[3]);
    for (int i = 4; i < argc; i++) read_file(argv[i]);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), epoll = epoll_create1(EPOLL_CLOEXEC),
        one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 1024) != 0)
        fail("listen");
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct timespec wait = {3600, 0};
        if (queue_begin != queue_end) {
            int64_t left = queue[queue_begin % MAX_CONNECTIONS].due_ns - now_ns();
            wait = (struct timespec){0, left > 0 ? left % 1000000000 : 0};
        }
        int n = epoll_pwait2(epoll, events, 256, &wait, NULL);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == listener)
                accept_one(listener, epoll);
            else
                receive(events[i].data.fd);
        }
        while (queue_begin != queue_end && queue[queue_begin % MAX_CONNECTIONS].due_ns <= now_ns())
            answer_request(queue[queue_begin++ % MAX_CONNECTIONS].descriptor);
    }
}
