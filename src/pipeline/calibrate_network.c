// SPDX-License-Identifier: Apache-2.0
/*
 * A network file and photos to a calibrated network file: the photos go the way of a run as far as the network's door.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cnn/calibrate.h"
#include "decode/decode.h"
#include "kernels/kernels.h"
#include "networks/network_file.h"
#include "networks/open.h"
#include "resize/resize.h"
#include "source/source.h"
#include "store/store.h"

#define DEFAULT_MAX_PHOTOS 100
#define MAX_PHOTO_BYTES    ((size_t)256 << 20)

void pom_calibrate_options_init(struct pom_calibrate_options *options)
{
    *options = (struct pom_calibrate_options){0};
}

/* What turns a path into the network's input, used again for each photo. */
struct photo_reader {
    struct pomi_bytes file;
    struct pom_image photo, input;
    struct pom_decode_options decode;
    struct pom_resize_options resize;
    struct pomi_resize_workspace workspace;
    int input_px;
};

static enum pom_status read_photo(struct photo_reader *reader, const char *path, struct pom_error *err)
{
    POMI_TRY(pomi_store_read(NULL, path, MAX_PHOTO_BYTES, &reader->file, err));
    enum pom_status status =
        pomi_decode(&reader->photo, pomi_bytes_view(&reader->file), &reader->decode, err);
    if (status == POM_OK)
        status = pomi_resize(&reader->input, &reader->photo, reader->input_px, reader->input_px,
                             &reader->resize, &reader->workspace, err);
    return status == POM_OK ? POM_OK : pomi_fail_in(err, status, "%s", path);
}

static enum pom_status tell(const struct pom_calibrate_options *options, int n_done, int n_photos,
                            struct pom_error *err)
{
    if (options->progress == NULL || options->progress(options->user, n_done, n_photos) == 0) return POM_OK;
    return pomi_fail(err, POM_ERROR_INTERRUPTED, "interrupted",
                     "calibration was stopped; the network file is as before");
}

/* A photo that a run would report as failed and go on. */
static bool is_photos_fault(enum pom_status status)
{
    return status == POM_ERROR_FORMAT || status == POM_ERROR_LIMIT || status == POM_ERROR_UNSUPPORTED;
}

static enum pom_status add_photos(struct pomi_calibrator *calibrator, const struct pomi_listing *listing,
                                  int input_px, const struct pom_calibrate_options *options,
                                  struct pom_error *err)
{
    struct photo_reader reader = {.input_px = input_px, .workspace.kernels = pomk_choose(NULL)};
    pom_decode_options_init(&reader.decode);
    pom_resize_options_init(&reader.resize);
    size_t n = options->max_photos > 0 ? (size_t)options->max_photos : DEFAULT_MAX_PHOTOS;
    if (n > listing->n_photos) n = listing->n_photos;
    size_t n_used = 0;
    enum pom_status status = POM_OK;
    for (size_t i = 0; i < n && status == POM_OK; i++) {
        status = read_photo(&reader, listing->photos[i * listing->n_photos / n].path, err);
        if (status == POM_OK) {
            status = pomi_calibrator_add(calibrator, reader.input.pixels, err);
            n_used++;
        } else if (is_photos_fault(status) && (i + 1 < n || n_used > 0)) {
            status = POM_OK;
        }
        if (status == POM_OK) status = tell(options, (int)i + 1, (int)n, err);
    }
    pomi_bytes_release(&reader.file);
    pom_image_release(&reader.photo);
    pom_image_release(&reader.input);
    pomi_resize_workspace_release(&reader.workspace);
    return status;
}

static enum pom_status calibrate_on_photos(struct pomi_graph *graph,
                                           const struct pom_calibrate_options *options, struct pom_error *err)
{
    const struct pomi_source_options source = {.source = options->photos, .glob = options->glob};
    struct pomi_listing listing = {0};
    struct pomi_calibrator *calibrator = NULL;
    POMI_TRY(pomi_source_list(&listing, &source, err));
    enum pom_status status = pomi_calibrator_new(&calibrator, graph, err);
    if (status == POM_OK) status = add_photos(calibrator, &listing, graph->input_px, options, err);
    if (status == POM_OK) status = pomi_calibrator_finish(calibrator, graph, err);
    pomi_calibrator_free(calibrator);
    pomi_listing_release(&listing);
    return status;
}

/* A file by another writer may lie otherwise than ours; written anew it has another identity, which nobody expects of a
 * file that is replaced. */
static enum pom_status check_identity(struct pomi_view calibrated, const struct pom_network *before,
                                      struct pom_error *err)
{
    struct pom_network *after;
    POMI_TRY(pomi_network_file_read(&after, calibrated, err));
    bool is_same = strcmp(pom_network_info(after)->identity, pom_network_info(before)->identity) == 0;
    pom_network_free(after);
    if (is_same) return POM_OK;
    return pomi_fail(
        err, POM_ERROR_UNSUPPORTED, "other_writer",
        "this network file was not written by pomona, so a calibration would change its identity: "
        "write another file with --out");
}

static enum pom_status calibrate(const char *name_or_path, const char *destination_path, bool is_in_place,
                                 struct pomi_view file, const struct pom_calibrate_options *options,
                                 struct pom_error *err)
{
    struct pom_network *network = NULL;
    struct pomi_bytes calibrated = {0};
    enum pom_status status = pomi_network_file_read(&network, file, err);
    if (status != POM_OK) return pomi_fail_in(err, status, "%s", name_or_path);
    status = options->photos != NULL ? calibrate_on_photos(&network->graph, options, err)
                                     : pomi_calibrate_on_images(&network->graph, err);
    if (status == POM_OK) status = pomi_network_file_calibrated(&calibrated, file, &network->graph, err);
    if (status == POM_OK && is_in_place) status = check_identity(pomi_bytes_view(&calibrated), network, err);
    if (status == POM_OK)
        status = pomi_store_write(NULL, destination_path, pomi_bytes_view(&calibrated), err);
    pomi_bytes_release(&calibrated);
    pom_network_free(network);
    return status;
}

enum pom_status pom_network_calibrate(const char *name_or_path, const char *destination_path,
                                      const struct pom_calibrate_options *options, struct pom_error *err)
{
    struct pom_calibrate_options defaults;
    pom_calibrate_options_init(&defaults);
    if (options == NULL) options = &defaults;
    if (name_or_path == NULL || name_or_path[0] == '\0' || strcmp(name_or_path, "auto") == 0)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument",
                         "which network to calibrate? Give its name or file");
    struct pomi_bytes file = {0};
    char *path = NULL;
    enum pom_status status = pomi_network_load(&file, &path, name_or_path, err);
    if (status == POM_OK && path == NULL && destination_path == NULL)
        status = pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument",
                           "%s is embedded in the library and cannot be changed: name a file to write",
                           name_or_path);
    if (status == POM_OK)
        status = calibrate(name_or_path, destination_path != NULL ? destination_path : path,
                           destination_path == NULL, pomi_bytes_view(&file), options, err);
    free(path);
    pomi_bytes_release(&file);
    return status;
}
