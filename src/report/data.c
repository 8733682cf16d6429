// SPDX-License-Identifier: Apache-2.0
#include "report/data.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/sizes.h"
#include "base/text.h"
#include "report/thumbnails.h"

static enum pom_status append_text(struct pomi_bytes *bytes, const char *text, struct pom_error *err)
{
    return pomi_bytes_append(bytes, text, strlen(text), err);
}

/* Whether a byte may not stand for itself inside a JSON string inside an HTML script element. */
static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || c == 0x7f;
}

enum pom_status pomi_report_json_text(struct pomi_bytes *json, const char *text, struct pom_error *err)
{
    if (text == NULL) text = "";
    char *escaped = pomi_utf8_escaped(text);
    if (escaped == NULL) return pomi_fail_memory(err, strlen(text) * 4, "the report's text");
    enum pom_status status = append_text(json, "\"", err);
    for (const char *at = escaped; *at != '\0' && status == POM_OK;) {
        size_t plain_bytes = 0;
        while (at[plain_bytes] != '\0' && !needs_escape((unsigned char)at[plain_bytes])) plain_bytes++;
        status = pomi_bytes_append(json, at, plain_bytes, err);
        at += plain_bytes;
        if (status == POM_OK && *at != '\0')
            status = pomi_bytes_print(json, err, "\\u%04x", (unsigned char)*at++);
    }
    free(escaped);
    return status == POM_OK ? append_text(json, "\"", err) : status;
}

/* A JSON number whatever the process' locale; null when it is not finite. */
static enum pom_status append_number(struct pomi_bytes *json, double value, struct pom_error *err)
{
    if (!isfinite(value)) return append_text(json, "null", err);
    char text[32];
    snprintf(text, sizeof text, "%.9g", value);
    for (char *c = text; *c != '\0'; c++)
        if (*c == ',') *c = '.';
    return append_text(json, text, err);
}

/* The manifest as it is, parsed and written again so that nothing but JSON gets through; null when it is not
 * JSON. */
static enum pom_status append_manifest(struct pomi_bytes *json, const char *manifest_json,
                                       struct pom_error *err)
{
    json_t *manifest = manifest_json == NULL ? NULL : json_loads(manifest_json, 0, NULL);
    char *text = manifest == NULL ? NULL : json_dumps(manifest, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(manifest);
    if (text == NULL) return append_text(json, "null", err);
    enum pom_status status = POM_OK;
    for (const char *at = text; *at != '\0' && status == POM_OK;) {
        size_t plain_bytes = strcspn(at, "<>&");
        status = pomi_bytes_append(json, at, plain_bytes, err);
        at += plain_bytes;
        if (status == POM_OK && *at != '\0')
            status = pomi_bytes_print(json, err, "\\u%04x", (unsigned char)*at++);
    }
    free(text);
    return status;
}

static enum pom_status append_block(struct pomi_bytes *html, const char *id, struct pomi_view block,
                                    struct pom_error *err)
{
    POMI_TRY(pomi_bytes_print(html, err, "<script type=\"application/octet-stream\" id=\"%s\">", id));
    char text[POMI_BASE64_BYTES(3 * 4096)];
    for (size_t at = 0; at < block.size_bytes; at += 3 * 4096) {
        size_t rest = block.size_bytes - at, n = rest < 3 * 4096 ? rest : 3 * 4096;
        POMI_TRY(pomi_bytes_append(html, text, pomi_base64(text, block.data + at, n), err));
    }
    return append_text(html, "</script>\n", err);
}

static enum pom_status append_u32(struct pomi_bytes *block, uint32_t value, struct pom_error *err)
{
    uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    return pomi_bytes_append(block, bytes, sizeof bytes, err);
}

enum pom_status pomi_report_quantise(struct pomi_bytes *block, double *scale, const float *values, size_t n,
                                     size_t stride, struct pom_error *err)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(values[i * stride]) && fabs(values[i * stride]) > largest)
            largest = fabs(values[i * stride]);
    *scale = largest / INT16_MAX;
    for (size_t i = 0; i < n; i++) {
        float value = values[i * stride];
        long stored = isfinite(value) && largest > 0 ? lrint(value / *scale) : 0;
        uint8_t bytes[] = {(uint8_t)stored, (uint8_t)((unsigned long)stored >> 8)};
        POMI_TRY(pomi_bytes_append(block, bytes, sizeof bytes, err));
    }
    return POM_OK;
}

/* Components kept for each point: fewer when there are many points, so that the page stays at a size that
 * opens. */
static int kept_components(const struct pomi_report *report)
{
    int most = report->n_points > 20000 ? POMI_REPORT_MAX_COMPONENTS / 2 : POMI_REPORT_MAX_COMPONENTS;
    if (report->projected == NULL) return 0;
    return report->n_components < most ? report->n_components : most;
}

/* "points":{...} and the block of components. */
static enum pom_status append_points(struct pomi_bytes *json, struct pomi_bytes *block,
                                     const struct pomi_report *report, struct pom_error *err)
{
    size_t n_total = report->n_points_total > report->n_points ? report->n_points_total : report->n_points;
    int n_components_total =
        report->n_components_total > report->n_components ? report->n_components_total : report->n_components;
    POMI_TRY(pomi_bytes_print(json, err,
                              "\"points\":{\"n\":%zu,\"n_total\":%zu,\"n_components_total\":%d,\"scales\":[",
                              report->n_points, n_total, n_components_total));
    for (int c = 0; c < kept_components(report); c++) {
        double scale;
        POMI_TRY(pomi_report_quantise(block, &scale, report->projected + c, report->n_points,
                                      (size_t)report->n_components, err));
        if (c > 0) POMI_TRY(append_text(json, ",", err));
        POMI_TRY(append_number(json, scale, err));
    }
    return append_text(json, "]}", err);
}

/* "labels":[...] and the block of each point's label. */
static enum pom_status append_labels(struct pomi_bytes *json, struct pomi_bytes *block,
                                     const struct pomi_report *report, const struct pomi_labels *labels,
                                     struct pom_error *err)
{
    POMI_TRY(append_text(json, "\"labels\":[", err));
    for (size_t i = 0; i < labels->n_labels; i++) {
        struct pomi_colour light = pomi_label_colour(i, false), dark = pomi_label_colour(i, true);
        POMI_TRY(append_text(json, i == 0 ? "{\"name\":" : ",\n{\"name\":", err));
        POMI_TRY(pomi_report_json_text(json, labels->names[i], err));
        POMI_TRY(pomi_bytes_print(json, err, ",\"shape\":%d,\"light\":[%d,%d,%d],\"dark\":[%d,%d,%d]}",
                                  pomi_label_shape(i), light.red, light.green, light.blue, dark.red,
                                  dark.green, dark.blue));
    }
    for (size_t i = 0; i < report->n_points; i++) POMI_TRY(append_u32(block, labels->of_point[i], err));
    return append_text(json, "]", err);
}

static size_t folder_bytes(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

static enum pom_status append_folder(struct pomi_bytes *json, const char *path, struct pom_error *err)
{
    char *folder = strndup(path, folder_bytes(path));
    if (folder == NULL) return pomi_fail_memory(err, folder_bytes(path), "the report's text");
    enum pom_status status = pomi_report_json_text(json, folder, err);
    free(folder);
    return status;
}

/* "names":[...],"folders":[...] and the block of each point's folder. Paths come sorted, so a folder that is
 * not the previous point's is taken as new: at worst it is listed twice. */
static enum pom_status append_paths(struct pomi_bytes *json, struct pomi_bytes *block,
                                    const struct pomi_report *report, struct pom_error *err)
{
    POMI_TRY(append_text(json, "\"names\":[", err));
    for (size_t i = 0; i < report->n_points; i++) {
        if (i > 0) POMI_TRY(append_text(json, ",\n", err));
        POMI_TRY(pomi_report_json_text(json, report->paths[i] + folder_bytes(report->paths[i]), err));
    }
    POMI_TRY(append_text(json, "],\n\"folders\":[", err));
    uint32_t n_folders = 0;
    for (size_t i = 0; i < report->n_points; i++) {
        const char *path = report->paths[i], *before = i == 0 ? "" : report->paths[i - 1];
        bool same = i > 0 && folder_bytes(path) == folder_bytes(before) &&
                    memcmp(path, before, folder_bytes(path)) == 0;
        if (!same) {
            if (n_folders++ > 0) POMI_TRY(append_text(json, ",\n", err));
            POMI_TRY(append_folder(json, path, err));
        }
        POMI_TRY(append_u32(block, n_folders - 1, err));
    }
    return append_text(json, "]", err);
}

static enum pom_status append_ratios(struct pomi_bytes *json, const struct pomi_report *report,
                                     struct pom_error *err)
{
    POMI_TRY(append_text(json, "\"ratios\":[", err));
    for (int i = 0; i < report->n_ratios; i++) {
        if (i > 0) POMI_TRY(append_text(json, ",", err));
        POMI_TRY(append_number(json, report->ratios[i], err));
    }
    return append_text(json, "]", err);
}

static enum pom_status append_failures(struct pomi_bytes *json, const struct pomi_report *report,
                                       struct pom_error *err)
{
    POMI_TRY(pomi_bytes_print(json, err, "\"n_failures\":%zu,\"failures\":[", report->n_failures));
    for (size_t i = 0; i < report->n_failures && i < POMI_REPORT_MAX_FAILURES; i++) {
        const struct pomi_failure *failure = &report->failures[i];
        const char *const columns[] = {failure->path, failure->label, failure->stage, failure->reason,
                                       failure->message};
        for (size_t c = 0; c < 5; c++) {
            POMI_TRY(append_text(json, c > 0 ? "," : i > 0 ? ",\n[" : "[", err));
            POMI_TRY(pomi_report_json_text(json, columns[c], err));
        }
        POMI_TRY(append_text(json, "]", err));
    }
    return append_text(json, "]", err);
}

/* What of the thumbnails goes where: the sheets are elements of their own and written as they are made. */
struct thumbnails {
    int tile_px;
    size_t n;
    size_t n_sheets;
    struct pomi_bytes points; /* uint32 [n] */
    struct pomi_bytes sizes;  /* uint8 [n][2] */
};

static enum pom_status append_sheets(struct pomi_bytes *html, struct thumbnails *thumbnails,
                                     const struct pomi_report *report, const size_t *indices,
                                     struct pom_error *err)
{
    enum { PER_SHEET = POMI_SHEET_TILES * POMI_SHEET_TILES };
    struct pomi_tile tiles[PER_SHEET];
    struct pomi_bytes jpeg = {0};
    enum pom_status status = POM_OK;
    for (size_t first = 0; first < thumbnails->n && status == POM_OK; first += PER_SHEET) {
        size_t n = thumbnails->n - first < PER_SHEET ? thumbnails->n - first : PER_SHEET;
        char id[32];
        snprintf(id, sizeof id, "sheet-%zu", thumbnails->n_sheets++);
        jpeg.size_bytes = 0;
        status = pomi_thumbnail_sheet(&jpeg, tiles, report, indices + first, n, thumbnails->tile_px, err);
        if (status == POM_OK) status = append_block(html, id, pomi_bytes_view(&jpeg), err);
        for (size_t i = 0; i < n && status == POM_OK; i++) {
            uint8_t size[] = {tiles[i].width_px, tiles[i].height_px};
            status = append_u32(&thumbnails->points, (uint32_t)indices[first + i], err);
            if (status == POM_OK) status = pomi_bytes_append(&thumbnails->sizes, size, sizeof size, err);
        }
    }
    pomi_bytes_release(&jpeg);
    return status;
}

static enum pom_status append_thumbnails(struct pomi_bytes *html, struct thumbnails *thumbnails,
                                         const struct pomi_report *report, const struct pomi_labels *labels,
                                         struct pom_error *err)
{
    if (report->load_photo == NULL) return POM_OK;
    size_t most = report->max_thumbnails > 0 ? (size_t)report->max_thumbnails : POMI_REPORT_MAX_THUMBNAILS;
    size_t *indices = NULL;
    POMI_TRY(pomi_labels_choose(&indices, &thumbnails->n, labels, report->n_points, most, err));
    if (report->announce_photos != NULL) report->announce_photos(report->user, indices, thumbnails->n);
    thumbnails->tile_px = thumbnails->n > 1000 ? 64 : POMI_REPORT_THUMBNAIL_PX;
    enum pom_status status = append_sheets(html, thumbnails, report, indices, err);
    free(indices);
    if (status == POM_OK)
        status = append_block(html, "thumbnail-points", pomi_bytes_view(&thumbnails->points), err);
    if (status == POM_OK)
        status = append_block(html, "thumbnail-sizes", pomi_bytes_view(&thumbnails->sizes), err);
    return status;
}

/* The blocks that the JSON speaks of. */
struct blocks {
    struct pomi_bytes components, labels, folders;
    struct thumbnails thumbnails;
};

static enum pom_status append_all(struct pomi_bytes *html, struct blocks *blocks,
                                  const struct pomi_report *report, const struct pomi_labels *labels,
                                  struct pom_error *err)
{
    POMI_TRY(append_thumbnails(html, &blocks->thumbnails, report, labels, err));
    POMI_TRY(append_text(html, "<script type=\"application/json\" id=\"report\">{\"title\":", err));
    POMI_TRY(pomi_report_json_text(html, report->title, err));
    POMI_TRY(append_text(html, ",\n\"manifest\":", err));
    POMI_TRY(append_manifest(html, report->manifest_json, err));
    POMI_TRY(append_text(html, ",\n", err));
    POMI_TRY(append_points(html, &blocks->components, report, err));
    POMI_TRY(append_text(html, ",\n", err));
    POMI_TRY(append_labels(html, &blocks->labels, report, labels, err));
    POMI_TRY(append_text(html, ",\n", err));
    POMI_TRY(append_paths(html, &blocks->folders, report, err));
    POMI_TRY(append_text(html, ",\n", err));
    POMI_TRY(append_ratios(html, report, err));
    POMI_TRY(append_text(html, ",\n", err));
    POMI_TRY(append_failures(html, report, err));
    POMI_TRY(pomi_bytes_print(html, err,
                              ",\n\"thumbnails\":{\"n\":%zu,\"tile_px\":%d,\"n_sheets\":%zu}}</script>\n",
                              blocks->thumbnails.n, blocks->thumbnails.tile_px, blocks->thumbnails.n_sheets));
    POMI_TRY(append_block(html, "components", pomi_bytes_view(&blocks->components), err));
    POMI_TRY(append_block(html, "point-labels", pomi_bytes_view(&blocks->labels), err));
    return append_block(html, "point-folders", pomi_bytes_view(&blocks->folders), err);
}

enum pom_status pomi_report_data(struct pomi_bytes *html, const struct pomi_report *report,
                                 const struct pomi_labels *labels, struct pom_error *err)
{
    struct blocks blocks = {0};
    enum pom_status status = append_all(html, &blocks, report, labels, err);
    pomi_bytes_release(&blocks.components);
    pomi_bytes_release(&blocks.labels);
    pomi_bytes_release(&blocks.folders);
    pomi_bytes_release(&blocks.thumbnails.points);
    pomi_bytes_release(&blocks.thumbnails.sizes);
    return status;
}
