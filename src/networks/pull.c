// SPDX-License-Identifier: Apache-2.0
/*
 * Pulling a network from its publisher: download to a partial file that survives interruptions, check, convert,
 * check again, install. Nothing that has not passed every check gets the network's name.
 */
#include "config.h"

#include "networks/pull.h"

void pom_pull_options_init(struct pom_pull_options *options)
{
    *options = (struct pom_pull_options){0};
}

#if POMI_HAVE_CURL

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/curl.h"
#include "base/hash.h"
#include "networks/convert.h"
#include "networks/network_file.h"
#include "store/store.h"

#define MAX_DOWNLOAD_BYTES    ((int64_t)1 << 30)
#define CONNECT_TIMEOUT_S     30L
#define STALLED_AFTER_S       60L /* no byte for so long is a dead connection */
#define HTTP_OK               200
#define HTTP_PARTIAL          206
#define HTTP_NOT_FOUND        404
#define HTTP_RANGE_IS_NO_GOOD 416

struct download {
    const struct pom_pull_options *options;
    const char *address;
    char *part_path;
    int part; /* the partial file, locked */
    CURL *curl;
    int64_t offset;      /* what was there before this request */
    int64_t total_bytes; /* 0: unknown */
    int64_t range_begin; /* of the answer's Content-Range; -1: none */
    bool has_begun;      /* the first bytes of a good answer have come */
    bool is_wrong_range; /* the server sends other bytes than were asked for */
    bool is_stopped;     /* by the caller */
    int write_error;     /* errno */
};

static enum pom_status fail_file(struct pom_error *err, const char *what, const char *path, int code)
{
    return pomi_fail(err, POM_ERROR_IO, code == ENOSPC || code == EDQUOT ? "disk_full" : "io",
                     "cannot %s %s: %s", what, path, strerror(code));
}

static enum pom_status open_part(struct download *download, struct pom_error *err)
{
    struct stat facts;
    download->part = open(download->part_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (download->part < 0) return fail_file(err, "write", download->part_path, errno);
    if (flock(download->part, LOCK_EX | LOCK_NB) != 0)
        return pomi_fail(err, POM_ERROR_EXISTS, "busy", "another pull is writing %s: wait for it, or stop it",
                         download->part_path);
    if (fstat(download->part, &facts) != 0) return fail_file(err, "read", download->part_path, errno);
    download->offset = facts.st_size;
    return POM_OK;
}

static size_t on_header(char *line, size_t size, size_t n, void *user)
{
    static const char wanted[] = "content-range: bytes ";
    struct download *download = user;
    char text[128];
    size_t text_bytes = size * n < sizeof text - 1 ? size * n : sizeof text - 1;
    memcpy(text, line, text_bytes);
    text[text_bytes] = '\0';
    if (strncmp(text, "HTTP/", 5) == 0) download->range_begin = -1; /* the next answer, after a redirection */
    if (strncasecmp(text, wanted, sizeof wanted - 1) == 0)
        download->range_begin = strtoll(text + sizeof wanted - 1, NULL, 10);
    return size * n;
}

/* Called with the first bytes of an answer: where in the file they belong. */
static bool begin(struct download *download)
{
    long code = 0;
    curl_off_t n_bytes = -1;
    curl_easy_getinfo(download->curl, CURLINFO_RESPONSE_CODE, &code);
    curl_easy_getinfo(download->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &n_bytes);
    if (code != HTTP_OK && code != HTTP_PARTIAL) return false;
    if (code == HTTP_OK) download->offset = 0; /* the server gives the whole file again */
    if (code == HTTP_PARTIAL && download->range_begin != download->offset) {
        download->is_wrong_range = true;
        download->offset = 0;
    }
    if (ftruncate(download->part, download->offset) != 0 ||
        lseek(download->part, download->offset, SEEK_SET) < 0) {
        download->write_error = errno;
        return false;
    }
    if (n_bytes > 0) download->total_bytes = download->offset + n_bytes;
    download->has_begun = !download->is_wrong_range;
    return download->has_begun;
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *user)
{
    struct download *download = user;
    size_t left = size * n;
    if (!download->has_begun && !begin(download)) return CURL_WRITEFUNC_ERROR;
    while (left > 0) {
        ssize_t written = write(download->part, bytes, left);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) {
            download->write_error = errno;
            return CURL_WRITEFUNC_ERROR;
        }
        bytes += written;
        left -= (size_t)written;
    }
    return size * n;
}

static int on_progress(void *user, curl_off_t total, curl_off_t received, curl_off_t up_total, curl_off_t up)
{
    struct download *download = user;
    (void)total, (void)up_total, (void)up;
    if (download->options->progress == NULL) return 0;
    download->is_stopped = download->options->progress(download->options->user, download->offset + received,
                                                       download->total_bytes) != 0;
    return download->is_stopped;
}

/* The library that runs may be older than the headers, and know only the way of before 7.85. */
static void allow_http_alone(CURL *curl)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    if (curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") == CURLE_OK)
        return;
#endif
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#pragma GCC diagnostic pop
}

static void set_options(struct download *download)
{
    CURL *curl = download->curl;
    curl_easy_setopt(curl, CURLOPT_URL, download->address);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
    allow_http_alone(curl);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALLED_AFTER_S);
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)MAX_DOWNLOAD_BYTES);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "pomona");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, download);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, download);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, download);
    if (download->offset > 0) { /* not RESUME_FROM: that fails when a server answers with the whole file */
        char range[32];
        snprintf(range, sizeof range, "%jd-", (intmax_t)download->offset);
        curl_easy_setopt(curl, CURLOPT_RANGE, range);
    }
}

/* What the end of a transfer means. */
static enum pom_status judge(const struct download *download, CURLcode code, struct pom_error *err)
{
    long http = 0;
    struct stat facts = {0};
    curl_easy_getinfo(download->curl, CURLINFO_RESPONSE_CODE, &http);
    fstat(download->part, &facts);
    if (download->is_stopped)
        return pomi_fail(err, POM_ERROR_INTERRUPTED, "interrupted",
                         "stopped after %jd bytes; the same command goes on from there",
                         (intmax_t)facts.st_size);
    if (download->write_error != 0)
        return fail_file(err, "write", download->part_path, download->write_error);
    if (download->is_wrong_range)
        return pomi_fail(err, POM_ERROR_IO, "http",
                         "%s: the server sent other bytes than were asked for; the same command starts anew",
                         download->address);
    if (http == HTTP_NOT_FOUND)
        return pomi_fail(
            err, POM_ERROR_NOT_FOUND, "not_found",
            "%s is not there (HTTP 404): if its publisher moved it, download it by hand and use `pomona "
            "network convert`",
            download->address);
    if (http != 0 && http != HTTP_OK && http != HTTP_PARTIAL)
        return pomi_fail(err, POM_ERROR_IO, "http", "%s: the server answered HTTP %ld; try again later",
                         download->address, http);
    if (code == CURLE_FILESIZE_EXCEEDED)
        return pomi_fail(err, POM_ERROR_LIMIT, "too_large",
                         "%s is larger than 1 GiB: not the file that is meant", download->address);
    if (code != CURLE_OK && download->has_begun)
        return pomi_fail(
            err, POM_ERROR_IO, "connection_lost",
            "the connection to %s was lost after %jd of %jd bytes (%s); the same command goes on from there",
            download->address, (intmax_t)facts.st_size, (intmax_t)download->total_bytes,
            curl_easy_strerror(code));
    if (code != CURLE_OK)
        return pomi_fail(err, POM_ERROR_IO, "no_connection",
                         "cannot download %s: %s; a file fetched elsewhere becomes a network by `pomona "
                         "network convert`",
                         download->address, curl_easy_strerror(code));
    return POM_OK;
}

static enum pom_status request(struct download *download, struct pom_error *err)
{
    download->curl = curl_easy_init();
    if (download->curl == NULL) return pomi_fail_memory(err, 0, "a connection");
    download->has_begun = false;
    set_options(download);
    CURLcode code = curl_easy_perform(download->curl);
    long http = 0;
    curl_easy_getinfo(download->curl, CURLINFO_RESPONSE_CODE, &http);
    enum pom_status status = POM_OK;
    if (http == HTTP_RANGE_IS_NO_GOOD && download->offset > 0) {
        /* There is nothing after what we have: either it is the whole file, which its check will tell, or it is
         * of no use. Only the latter is worth a new download, so the check comes first. */
        download->total_bytes = download->offset;
    } else {
        status = judge(download, code, err);
    }
    curl_easy_cleanup(download->curl);
    download->curl = NULL;
    return status;
}

/* The downloaded bytes to an installed network file. */
static enum pom_status check_and_install(const struct pomi_known_network *known, struct pomi_view bytes,
                                         const char *path, struct pom_error *err)
{
    char md5[POMI_MD5_TEXT_BYTES];
    pomi_md5_text(bytes.data, bytes.size_bytes, md5);
    if (known->md5 != NULL && strcmp(md5, known->md5) != 0)
        return pomi_fail(
            err, POM_ERROR_MISMATCH, "wrong_checksum",
            "the download of %s has the MD5 %s, its publisher's is %s: it was removed; try again, and if it "
            "stays so, do not trust that address",
            known->name, md5, known->md5);
    const struct pom_convert_options options = {.architecture = known->architecture,
                                                .name = known->name,
                                                .origin = known->origin,
                                                .licence = known->licence};
    struct pomi_bytes file = {0};
    struct pom_network *network = NULL;
    enum pom_status status = pomi_convert(&file, bytes, &options, err);
    if (status == POM_OK) status = pomi_network_file_read(&network, pomi_bytes_view(&file), err);
    if (status == POM_OK && known->expected != NULL)
        status = pomi_check_features(network, known->expected, err);
    if (status != POM_OK && status != POM_ERROR_MEMORY)
        status = pomi_fail_in(
            err, POM_ERROR_MISMATCH,
            "the download is not the network %s and was removed; try again, or convert a file of your own",
            known->name);
    if (status == POM_OK) status = pomi_store_write(NULL, path, pomi_bytes_view(&file), err);
    pom_network_free(network);
    pomi_bytes_release(&file);
    return status;
}

static enum pom_status pull_into(const struct pomi_known_network *known, struct download *download,
                                 const char *path, struct pom_error *err)
{
    POMI_TRY(open_part(download, err));
    POMI_TRY(request(download, err));
    struct pomi_bytes bytes = {0};
    enum pom_status status =
        pomi_store_read(NULL, download->part_path, (size_t)MAX_DOWNLOAD_BYTES, &bytes, err);
    if (status == POM_OK) {
        status = check_and_install(known, pomi_bytes_view(&bytes), path, err);
        /* Wrong bytes would only be continued by the next pull; after success they are no longer needed. */
        if (status == POM_OK || status == POM_ERROR_MISMATCH) unlink(download->part_path);
    }
    pomi_bytes_release(&bytes);
    return status;
}

enum pom_status pomi_pull(const struct pomi_known_network *known, const struct pom_pull_options *options,
                          struct pom_error *err)
{
    char cache[4096];
    const char *folder = options->folder;
    POMI_TRY(pomi_curl_ready("pulling a network", err));
    if (folder == NULL) {
        POMI_TRY(pom_network_folder(cache, sizeof cache, err));
        folder = cache;
    }
    POMI_TRY(pomi_store_make_folder(NULL, folder, err));
    struct download download = {.options = options, .part = -1};
    download.address = options->address != NULL ? options->address : known->address;
    download.part_path = pomi_store_join(folder, ".%s.download", known->name);
    char *path = pomi_store_join(folder, "%s.pomona", known->name);
    enum pom_status status = download.part_path == NULL || path == NULL
                                 ? pomi_fail_memory(err, strlen(folder), "a path")
                                 : pull_into(known, &download, path, err);
    if (download.part >= 0) close(download.part);
    free(download.part_path);
    free(path);
    return status;
}

#else

enum pom_status pomi_pull(const struct pomi_known_network *known, const struct pom_pull_options *options,
                          struct pom_error *err)
{
    (void)options;
    return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported",
                     "this build cannot pull %s: it needs libcurl (`make setup` installs it)", known->name);
}

#endif

enum pom_status pom_network_pull(const char *name, const struct pom_pull_options *options,
                                 struct pom_error *err)
{
    struct pom_pull_options defaults;
    pom_pull_options_init(&defaults);
    const struct pomi_known_network *known = pomi_catalogue_find(name);
    if (known == NULL || known->address == NULL)
        return pomi_fail(
            err, POM_ERROR_NOT_FOUND, "unknown_network",
            "there is no network \"%.100s\" to pull: it is mobilenetv2 or resnet50; others become network "
            "files with `pomona network convert`",
            name);
    return pomi_pull(known, options != NULL ? options : &defaults, err);
}
