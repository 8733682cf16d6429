// SPDX-License-Identifier: Apache-2.0
#include "s3/xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <expat.h>

#include "base/hash.h"

#define MAX_DEPTH      16
#define MAX_TEXT_BYTES ((size_t)16384) /* a key of 1024 bytes is 3072 as %XX */
#define MAX_PATH_BYTES 512

struct reader {
    XML_Parser parser;
    pomi_xml_visit visit;
    void *user;
    struct pom_error *err;
    enum pom_status status;
    char path[MAX_PATH_BYTES];
    size_t path_bytes;
    int depth;
    bool is_leaf; /* since the last start there was no end: the text is this element's */
    struct pomi_bytes text;
};

static void stop(struct reader *reader, enum pom_status status)
{
    if (reader->status == POM_OK) reader->status = status;
    XML_StopParser(reader->parser, XML_FALSE);
}

static void on_start(void *user, const char *name, const char **attributes)
{
    struct reader *reader = user;
    (void)attributes;
    const char *colon = strrchr(name, ':'); /* a prefix; default namespaces do not show */
    if (colon != NULL) name = colon + 1;
    size_t name_bytes = strlen(name);
    if (reader->depth == MAX_DEPTH || reader->path_bytes + name_bytes + 2 > sizeof reader->path) {
        stop(reader, pomi_fail(reader->err, POM_ERROR_LIMIT, "bad_xml", "XML that is nested too deep"));
        return;
    }
    if (reader->depth++ > 0) reader->path[reader->path_bytes++] = '/';
    memcpy(reader->path + reader->path_bytes, name, name_bytes + 1);
    reader->path_bytes += name_bytes;
    reader->text.size_bytes = 0;
    reader->is_leaf = true;
}

static void on_text(void *user, const char *text, int text_bytes)
{
    struct reader *reader = user;
    if (reader->status != POM_OK || !reader->is_leaf) return;
    if (reader->text.size_bytes + (size_t)text_bytes > MAX_TEXT_BYTES)
        stop(reader, pomi_fail(reader->err, POM_ERROR_LIMIT, "bad_xml",
                               "XML with a text of more than %zu bytes", MAX_TEXT_BYTES));
    else if (pomi_bytes_append(&reader->text, text, (size_t)text_bytes, reader->err) != POM_OK)
        stop(reader, POM_ERROR_MEMORY);
}

static void on_end(void *user, const char *name)
{
    struct reader *reader = user;
    (void)name;
    if (reader->status != POM_OK) return;
    if (pomi_bytes_append(&reader->text, "", 1, reader->err) != POM_OK) {
        stop(reader, POM_ERROR_MEMORY);
        return;
    }
    enum pom_status status = reader->visit(
        reader->user, reader->path, reader->is_leaf ? (const char *)reader->text.data : "", reader->err);
    if (status != POM_OK) stop(reader, status);
    while (reader->path_bytes > 0 && reader->path[--reader->path_bytes] != '/') {
    }
    reader->path[reader->path_bytes] = '\0';
    reader->depth--;
    reader->is_leaf = false;
    reader->text.size_bytes = 0;
}

static void on_doctype(void *user, const char *name, const char *system_id, const char *public_id,
                       int has_subset)
{
    struct reader *reader = user;
    (void)name, (void)system_id, (void)public_id, (void)has_subset;
    stop(reader, pomi_fail(reader->err, POM_ERROR_FORMAT, "bad_xml", "XML with a document type declaration"));
}

enum pom_status pomi_xml_read(struct pomi_view document, pomi_xml_visit visit, void *user,
                              struct pom_error *err)
{
    struct reader reader = {.visit = visit, .user = user, .err = err};
    if (document.size_bytes > INT32_MAX)
        return pomi_fail(err, POM_ERROR_LIMIT, "bad_xml", "XML of more than 2 GiB");
    reader.parser = XML_ParserCreate(NULL);
    if (reader.parser == NULL) return pomi_fail_memory(err, 0, "an XML parser");
    XML_SetUserData(reader.parser, &reader);
    XML_SetElementHandler(reader.parser, on_start, on_end);
    XML_SetCharacterDataHandler(reader.parser, on_text);
    XML_SetStartDoctypeDeclHandler(reader.parser, on_doctype);
    enum XML_Status parsed =
        XML_Parse(reader.parser, document.size_bytes > 0 ? (const char *)document.data : "",
                  (int)document.size_bytes, XML_TRUE);
    enum XML_Error code = XML_GetErrorCode(reader.parser);
    if (parsed != XML_STATUS_OK && reader.status == POM_OK)
        reader.status = code == XML_ERROR_NO_MEMORY
                            ? pomi_fail_memory(err, document.size_bytes, "XML")
                            : pomi_fail(err, POM_ERROR_FORMAT, "bad_xml",
                                        "XML that breaks off or is damaged (%s)", XML_ErrorString(code));
    XML_ParserFree(reader.parser);
    if (reader.text.data != NULL) pomi_wipe(reader.text.data, reader.text.capacity_bytes); /* STS's secrets */
    pomi_bytes_release(&reader.text);
    return reader.status;
}

static enum pom_status on_problem(void *user, const char *path, const char *text, struct pom_error *err)
{
    struct pomi_s3_problem *problem = user;
    (void)err;
    const char *name = strchr(path, '/');
    if (strncmp(path, "Error/", 6) != 0 && strncmp(path, "ErrorResponse/", 14) != 0) return POM_OK;
    name = strncmp(path, "ErrorResponse/Error/", 20) == 0 ? path + 20 : name + 1;
    if (strcmp(name, "Code") == 0) snprintf(problem->code, sizeof problem->code, "%s", text);
    if (strcmp(name, "Message") == 0) snprintf(problem->message, sizeof problem->message, "%s", text);
    if (strcmp(name, "Region") == 0) snprintf(problem->region, sizeof problem->region, "%s", text);
    if (strcmp(name, "RequestId") == 0) snprintf(problem->request_id, sizeof problem->request_id, "%s", text);
    if (strcmp(name, "BucketName") == 0 || strcmp(name, "Key") == 0)
        snprintf(problem->bucket_or_key, sizeof problem->bucket_or_key, "%s", text);
    return POM_OK;
}

void pomi_xml_problem(struct pomi_s3_problem *problem, struct pomi_view document)
{
    *problem = (struct pomi_s3_problem){0};
    pomi_xml_read(document, on_problem, problem, NULL);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool pomi_url_decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (*from != '%') {
            *to++ = *from == '+' ? ' ' : *from;
            continue;
        }
        int high = hex_value(from[1]), low = high < 0 ? -1 : hex_value(from[2]);
        if (low < 0 || (high == 0 && low == 0)) return false;
        *to++ = (char)(high << 4 | low);
        from += 2;
    }
    *to = '\0';
    return true;
}

int64_t pomi_time_of_iso8601(const char *text)
{
    struct tm parts = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    if (end == NULL) return 0;
    if (*end == '.') end += 1 + strspn(end + 1, "0123456789");
    if (strcmp(end, "Z") != 0 && strcmp(end, "+00:00") != 0) return 0;
    return (int64_t)timegm(&parts);
}

int64_t pomi_time_of_http(const char *text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char month[4] = "";
    struct tm parts = {0};
    /* Not strptime: its names of months and days are those of the user's language. */
    if (sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d GMT", &parts.tm_mday, month, &parts.tm_year,
               &parts.tm_hour, &parts.tm_min, &parts.tm_sec) != 6 ||
        strlen(month) != 3 || strstr(months, month) == NULL)
        return 0;
    parts.tm_mon = (int)(strstr(months, month) - months) / 3;
    parts.tm_year -= 1900;
    int64_t time = (int64_t)timegm(&parts);
    return time > 0 ? time : 0;
}
