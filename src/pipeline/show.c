// SPDX-License-Identifier: Apache-2.0
/* The report stage: gathers what is in the output folder and hands it to the report, which reads no file itself. */
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "decode/decode.h"
#include "pipeline/session.h"
#include "report/report.h"
#include "sink/sink.h"
#include "store/read_ahead.h"

/* The report compares photos in this many leading components; more would only make the page larger. */
#define MAX_COMPONENTS       32
#define MAX_PHOTO_FILE_BYTES ((size_t)64 << 20)

struct points {
    size_t n_points, capacity;
    int n_components;
    char **paths;
    char **labels;
    float *projected; /* [n_points][n_components] */
};

/* What load_photo needs from call to call. */
struct photo_loader {
    struct pomi_store *store;
    const struct points *points;
    struct pomi_bytes file;
    struct pomi_read_ahead *ahead; /* of the photos `order`; NULL: each is read when it is asked for */
    size_t *order, n_order, at;
};

static void points_release(struct points *points)
{
    for (size_t i = 0; i < points->n_points; i++) {
        free(points->paths[i]);
        free(points->labels[i]);
    }
    free(points->paths);
    free(points->labels);
    free(points->projected);
}

static enum pom_status points_reserve(struct points *points, size_t n_rows, int n_components,
                                      struct pom_error *err)
{
    size_t projected_bytes;
    points->n_components = n_components < MAX_COMPONENTS ? n_components : MAX_COMPONENTS;
    if (!pomi_size_multiply(n_rows, (size_t)points->n_components * sizeof(float), &projected_bytes))
        return pomi_fail_memory(err, SIZE_MAX, "the report's points");
    points->capacity = n_rows;
    points->paths = calloc(n_rows + 1, sizeof *points->paths);
    points->labels = calloc(n_rows + 1, sizeof *points->labels);
    points->projected = malloc(projected_bytes + 1);
    if (points->paths == NULL || points->labels == NULL || points->projected == NULL)
        return pomi_fail_memory(err, projected_bytes, "the report's points");
    return POM_OK;
}

static enum pom_status points_add(struct points *points, const struct pomi_rows *rows, struct pom_error *err)
{
    size_t n_components = (size_t)points->n_components;
    for (size_t i = 0; i < rows->n_rows && points->n_points < points->capacity; i++) {
        size_t at = points->n_points++;
        points->paths[at] = strdup(rows->paths[i]);
        points->labels[at] = strdup(rows->labels[i]);
        if (points->paths[at] == NULL || points->labels[at] == NULL)
            return pomi_fail_memory(err, 0, "the report's points");
        memcpy(points->projected + at * n_components, rows->features + i * (size_t)rows->n_features,
               n_components * sizeof(float));
    }
    return POM_OK;
}

static enum pom_status read_points(struct points *points, struct pomi_sink *sink, const char *output,
                                   struct pom_error *err)
{
    struct pomi_table_reader *reader = NULL;
    POMI_TRY(pomi_table_open(&reader, sink, output, POMI_TABLE_PCA, "features_pca", err));
    const struct pomi_table_info *info = pomi_table_info(reader);
    enum pom_status status = points_reserve(points, (size_t)info->n_rows, info->n_features, err);
    struct pomi_rows rows = {.n_rows = 1};
    while (status == POM_OK && rows.n_rows > 0) {
        status = pomi_table_next(reader, &rows, NULL, err);
        if (status == POM_OK) status = points_add(points, &rows, err);
    }
    pomi_table_close(reader);
    return status;
}

static struct pomi_wanted_file wanted_at(const void *user, size_t position)
{
    const struct photo_loader *loader = user;
    return (struct pomi_wanted_file){loader->points->paths[loader->order[position]], -1};
}

/* Without memory or a connection nothing is read ahead, and photos fail one by one, quietly, as thumbnails do. */
static void announce_photos(void *user, const size_t *indices, size_t n)
{
    struct photo_loader *loader = user;
    loader->order = calloc(n + 1, sizeof *loader->order);
    if (loader->order == NULL) return;
    memcpy(loader->order, indices, n * sizeof *indices);
    loader->n_order = n;
    pomi_read_ahead_new(&loader->ahead, loader->store, wanted_at, loader, n, MAX_PHOTO_FILE_BYTES, NULL);
}

static enum pom_status read_photo(struct photo_loader *loader, size_t index)
{
    if (loader->ahead == NULL || loader->at >= loader->n_order || loader->order[loader->at] != index)
        return pomi_store_read(loader->store, loader->points->paths[index], MAX_PHOTO_FILE_BYTES,
                               &loader->file, NULL);
    return pomi_read_ahead_take(loader->ahead, loader->at++, &loader->file, NULL);
}

static bool load_photo(void *user, size_t index, struct pom_image *image)
{
    struct photo_loader *loader = user;
    struct pom_decode_options options;
    pom_decode_options_init(&options);
    options.preview_px =
        2 * POMI_REPORT_THUMBNAIL_PX; /* enough pixels for each of the thumbnail's to be a mean */
    return read_photo(loader, index) == POM_OK &&
           pomi_decode(image, pomi_bytes_view(&loader->file), &options, NULL) == POM_OK;
}

static enum pom_status write_into(struct pomi_store *store, const char *output, const char *name,
                                  struct pomi_bytes *content, struct pom_error *err)
{
    char *path = pomi_store_join(output, "%s", name);
    enum pom_status status = path == NULL ? pomi_fail_memory(err, 0, "a file name")
                                          : pomi_store_write(store, path, pomi_bytes_view(content), err);
    free(path);
    content->size_bytes = 0;
    return status;
}

static enum pom_status write_plots(struct pomi_store *store, const struct pomi_report *report,
                                   const char *output, struct pomi_bytes *buffer, struct pom_error *err)
{
    static const char *const names[] = {"scree", "cumulative_variance", "components_2d", "components_3d"};
    static const char *const formats[] = {"svg", "png"};
    char *folder = pomi_store_join(output, "plots");
    enum pom_status status = folder == NULL ? pomi_fail_memory(err, 0, "a file name") : POM_OK;
    for (int i = 0; status == POM_OK && i < 8; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.%s", names[i / 2], formats[i % 2]);
        buffer->size_bytes = 0;
        status = pomi_report_plot(buffer, report, names[i / 2], formats[i % 2], err);
        if (status == POM_OK && i == 0) status = pomi_store_make_folder(store, folder, err);
        if (status == POM_OK) status = write_into(store, folder, name, buffer, err);
    }
    free(folder);
    return status;
}

/* "photos" of "/data/photos/"; to be freed, NULL when memory is out. */
static char *last_element(const char *path)
{
    size_t end = strlen(path), begin;
    while (end > 1 && path[end - 1] == '/') end--;
    for (begin = end; begin > 0 && path[begin - 1] != '/'; begin--) {
    }
    return strndup(path + begin, end - begin);
}

static enum pom_status write_report(struct pomi_session *session, const struct points *points,
                                    const struct pom_pca *pca, const struct pomi_failure_list *failures,
                                    struct pom_error *err)
{
    const char *output = session->options->output;
    const char *source = json_string_value(json_object_get(session->manifest, "source"));
    char *manifest = json_dumps(session->manifest, JSON_COMPACT);
    if (manifest == NULL) return pomi_fail_memory(err, 0, "the manifest");
    char *title = last_element(source != NULL ? source : "photos");
    if (title == NULL) {
        free(manifest);
        return pomi_fail_memory(err, 0, "the report's title");
    }
    struct photo_loader loader = {.store = session->store, .points = points};
    struct pomi_report report = {
        .title = title,
        .manifest_json = manifest,
        .n_points = points->n_points,
        .paths = (const char *const *)points->paths,
        .labels = (const char *const *)points->labels,
        .n_components = points->n_components,
        .n_components_total = pca != NULL ? pom_pca_info(pca)->n_components : 0,
        .projected = points->projected,
        .ratios = pca != NULL ? pom_pca_info(pca)->all_ratios : NULL,
        .n_ratios = pca != NULL ? pom_pca_info(pca)->n_all_ratios : 0,
        .failures = failures->failures,
        .n_failures = failures->n_failures,
        .load_photo = load_photo,
        .announce_photos = announce_photos,
        .user = &loader,
    };
    struct pomi_bytes buffer = {0};
    enum pom_status status = pomi_report_html(&buffer, &report, err);
    if (status == POM_OK) status = write_into(session->store, output, "report.html", &buffer, err);
    if (status == POM_OK && pca != NULL) {
        status = write_plots(session->store, &report, output, &buffer, err);
        if (status ==
            POM_ERROR_UNSUPPORTED) { /* the page has the same plots; a build without cairo is no failure */
            pomi_progress_message(&session->progress, POM_EVENT_WARNING,
                                  "no plots/: this build has no cairo");
            status = POM_OK;
        }
    }
    pomi_bytes_release(&buffer);
    pomi_read_ahead_free(loader.ahead);
    free(loader.order);
    pomi_bytes_release(&loader.file);
    free(manifest);
    free(title);
    return status;
}

enum pom_status pomi_report_stage(struct pomi_session *session, struct pom_error *err)
{
    const char *output = session->options->output;
    struct points points = {0};
    struct pomi_failure_list failures = {0};
    struct pomi_sink *sink = NULL;
    struct pom_pca *pca = NULL;
    char *pca_path = session->options->pca_path != NULL ? strdup(session->options->pca_path)
                                                        : pomi_store_join(output, "pca.safetensors");
    char *pca_folder = pomi_store_join(output, "pca");
    pomi_progress_stage(&session->progress, "report", 0, 0, 0);
    enum pom_status status = pca_path == NULL || pca_folder == NULL
                                 ? pomi_fail_memory(err, 0, "a file name")
                                 : pomi_sink_new(&sink, session->store, err);
    bool has_pca = false;
    if (status == POM_OK) status = pomi_store_is_folder(session->store, pca_folder, &has_pca, err);
    if (has_pca) {
        status = pomi_session_open_pca(session, &pca, pca_path, err);
        if (status == POM_ERROR_NOT_FOUND && session->options->pca_path == NULL)
            pomi_fail(err, status, "not_found",
                      "%s has no pca.safetensors: name the file that %s/pca was made with, --pca FILE",
                      output, output);
        if (status == POM_OK) status = read_points(&points, sink, output, err);
    }
    if (status == POM_OK) status = pomi_failures_read(&failures, sink, output, err);
    if (status == POM_OK) status = write_report(session, &points, pca, &failures, err);
    pomi_session_record(session, "seconds", "report", json_real(pomi_progress_stage_end(&session->progress)));
    pomi_failure_list_release(&failures);
    points_release(&points);
    pom_pca_free(pca);
    pomi_sink_free(sink);
    free(pca_path);
    free(pca_folder);
    return status;
}
