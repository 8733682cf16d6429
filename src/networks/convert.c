// SPDX-License-Identifier: Apache-2.0
/*
 * Conversion: recognise the layout, let its reader fill a graph, write the network file. The file is read
 * back before it is handed out, so that whatever was written can be opened.
 */
#include "networks/convert.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "networks/catalogue.h"
#include "networks/network_file.h"
#include "networks/readers.h"
#include "store/store.h"

#define UNKNOWN_ORIGIN  "Converted from a weights file; where its weights come from was not recorded."
#define UNKNOWN_LICENCE "unknown"

void pom_convert_options_init(struct pom_convert_options *options)
{
    *options = (struct pom_convert_options){0};
}

static bool begins_with(struct pomi_view bytes, const char *magic, size_t magic_bytes)
{
    return bytes.size_bytes >= magic_bytes && memcmp(bytes.data, magic, magic_bytes) == 0;
}

static enum pom_status choose_reader(struct pomi_view bytes, pomi_reader **reader, struct pom_error *err)
{
    static const char hdf5[8] = "\x89HDF\r\n\x1a\n";
    if (begins_with(bytes, hdf5, sizeof hdf5)) {
        *reader = pomi_read_keras;
    } else if (bytes.size_bytes > 8 && bytes.data[8] == '{' && bytes.data[7] == 0 && bytes.data[6] == 0) {
        *reader = pomi_read_safetensors;
    } else if (begins_with(bytes, "\x08", 1)) { /* the field ir_version, which writers put first */
        *reader = pomi_read_onnx;
    } else if (begins_with(bytes, "PK", 2)) {
        return pomi_fail(
            err, POM_ERROR_UNSUPPORTED, "unsupported",
            "a zip archive: of a .keras file, take model.weights.h5 out and convert that; a PyTorch .pt or "
            ".pth file can run code when it is read: save its state_dict as safetensors first");
    } else {
        return pomi_fail(err, POM_ERROR_FORMAT, "not_weights",
                         "not a weights file known here: neither HDF5 (Keras) nor safetensors nor ONNX");
    }
    return POM_OK;
}

/* A word of the options to its number; -1 for NULL. */
static enum pom_status read_wish(int (*from_name)(const char *), const char *what, const char *choices,
                                 const char *name, int *number, struct pom_error *err)
{
    *number = name == NULL ? -1 : from_name(name);
    if (name != NULL && *number < 0)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "there is no %s \"%s\": it is %s", what,
                         name, choices);
    return POM_OK;
}

static enum pom_status read_wishes(const struct pom_convert_options *options,
                                   struct pomi_reader_wishes *wishes, struct pom_error *err)
{
    *wishes =
        (struct pomi_reader_wishes){.architecture = options->architecture, .input_px = options->input_px};
    POMI_TRY(read_wish(pomi_padding_from_name, "padding", "same or symmetric", options->padding,
                       &wishes->padding, err));
    POMI_TRY(read_wish(pomi_preprocessing_from_name, "preprocessing", "tf, caffe or torch",
                       options->preprocessing, &wishes->preprocessing, err));
    if (options->input_px < 0)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "an input of %d pixels is not possible",
                         options->input_px);
    if (options->architecture != NULL && strcmp(options->architecture, "mobilenetv2") != 0 &&
        strcmp(options->architecture, "resnet50") != 0)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument",
                         "there is no architecture \"%s\": it is mobilenetv2 or resnet50",
                         options->architecture);
    return POM_OK;
}

static enum pom_status write_and_read_back(struct pomi_bytes *bytes, const struct pomi_graph *graph,
                                           const struct pomi_network_text *text, struct pom_network **network,
                                           struct pom_error *err)
{
    bytes->size_bytes = 0;
    POMI_TRY(pomi_network_file_write(bytes, graph, text, err));
    return pomi_network_file_read(network, pomi_bytes_view(bytes), err);
}

/* The published network, whatever file it came in, gets its publisher's name and origin: the same identity by
 * every route. It is known by what it computes, or by the publisher's checksum of the source. */
static enum pom_status recognise(const struct pom_network *network, const char *architecture,
                                 struct pomi_view source, const struct pomi_known_network **recognised,
                                 struct pom_error *err)
{
    const struct pomi_known_network *known;
    *recognised = NULL;
    for (size_t i = 0; (known = pomi_catalogue_at(i)) != NULL && *recognised == NULL; i++) {
        char md5[POMI_MD5_TEXT_BYTES] = "";
        if (known->architecture == NULL || architecture == NULL ||
            strcmp(known->architecture, architecture) != 0)
            continue;
        if (known->md5 != NULL) pomi_md5_text(source.data, source.size_bytes, md5);
        bool is_it = known->md5 != NULL && strcmp(md5, known->md5) == 0;
        if (!is_it && known->expected != NULL) {
            enum pom_status status = pomi_check_features(network, known->expected, err);
            if (status == POM_ERROR_MEMORY) return status;
            is_it = status == POM_OK;
        }
        if (is_it) *recognised = known;
    }
    return POM_OK;
}

static enum pom_status write_graph(struct pomi_bytes *file, const struct pomi_graph *graph,
                                   const char *architecture, struct pomi_view source,
                                   const struct pom_convert_options *options, struct pom_error *err)
{
    char name[64];
    snprintf(name, sizeof name, "custom%s%s", architecture != NULL ? "-" : "",
             architecture != NULL ? architecture : "");
    struct pomi_network_text text = {name, UNKNOWN_ORIGIN, UNKNOWN_LICENCE, NULL};
    struct pom_network *network;
    POMI_TRY(write_and_read_back(file, graph, &text, &network, err));
    const struct pomi_known_network *known;
    enum pom_status status = recognise(network, architecture, source, &known, err);
    pom_network_free(network);
    if (status != POM_OK) return status;
    if (known != NULL) text = (struct pomi_network_text){known->name, known->origin, known->licence, NULL};
    if (options->name != NULL) text.name = options->name;
    if (options->origin != NULL) text.origin = options->origin;
    if (options->licence != NULL) text.licence = options->licence;
    status = write_and_read_back(file, graph, &text, &network, err);
    pom_network_free(network);
    return status;
}

enum pom_status pomi_convert(struct pomi_bytes *network_file, struct pomi_view source,
                             const struct pom_convert_options *options, struct pom_error *err)
{
    struct pomi_reader_wishes wishes;
    pomi_reader *reader = NULL;
    struct pomi_graph graph = {0};
    const char *architecture = NULL;
    POMI_TRY(read_wishes(options, &wishes, err));
    POMI_TRY(choose_reader(source, &reader, err));
    enum pom_status status = reader(&graph, &architecture, source, &wishes, err);
    if (status == POM_OK) status = write_graph(network_file, &graph, architecture, source, options, err);
    pomi_graph_release(&graph);
    return status;
}

enum pom_status pom_network_convert(const char *source_path, const char *destination_path,
                                    const struct pom_convert_options *options, struct pom_error *err)
{
    struct pom_convert_options defaults;
    pom_convert_options_init(&defaults);
    if (options == NULL) options = &defaults;
    struct pomi_bytes source = {0}, network_file = {0};
    enum pom_status status = pomi_store_read(NULL, source_path, POMI_NETWORK_MAX_FILE_BYTES, &source, err);
    if (status == POM_OK) {
        status = pomi_convert(&network_file, pomi_bytes_view(&source), options, err);
        if (status != POM_OK) status = pomi_fail_in(err, status, "%s", source_path);
    }
    if (status == POM_OK)
        status = pomi_store_write(NULL, destination_path, pomi_bytes_view(&network_file), err);
    pomi_bytes_release(&source);
    pomi_bytes_release(&network_file);
    return status;
}
