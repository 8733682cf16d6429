// SPDX-License-Identifier: Apache-2.0
/*
 * Networks: opening, describing, converting, pulling and verifying.
 *
 * A network is its layers and weights, read from a network file (docs/networks.md gives the format). Its
 * identity is the SHA-256 of that file, its calibration left out, and is written into every output; features of two
 * identities are never mixed. A `struct pom_network` is immutable after opening: any number of threads may share it.
 */
#ifndef POMONA_NETWORK_H
#define POMONA_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pom_network;

/* Opens a network by name or by path.
 *   "auto"      `mobilenetv2` when it is installed, else the embedded `orchard`
 *   "orchard"   the small network inside the library: needs no file
 *   a name      NAME.pomona in the networks folder (see pom_network_folder)
 *   a path      a network file; anything with a slash or a dot in it
 * The caller owns *network and ends it with pom_network_free.
 * Errors: NOT_FOUND (with how to get it), FORMAT, MISMATCH, MEMORY. */
POM_API enum pom_status pom_network_open(struct pom_network **network, const char *name_or_path,
                                         struct pom_error *err);

/* The same from a network file's bytes, borrowed for the call. */
POM_API enum pom_status pom_network_open_memory(struct pom_network **network, const void *data,
                                                size_t size_bytes, struct pom_error *err);

/* NULL is fine. */
POM_API void pom_network_free(struct pom_network *network);

/* What a network is; strings belong to the network and live as long as it. */
struct pom_network_info {
    const char *name;     /* "mobilenetv2", "resnet50", "orchard", or what its maker called it */
    const char *identity; /* SHA-256 of the network file without its calibration, 64 hex digits */
    const char
        *calibration; /* SHA-256 of its calibration, which int16 and int8 compute with; "" when it has none */
    const char *preprocessing; /* "tf": x/127.5-1; "caffe": BGR minus means; "torch": /255, mean and std */
    const char *padding;       /* "same": TensorFlow's rule; "symmetric": kernel/2 on each side */
    const char *origin;        /* where the weights come from, one paragraph */
    const char *licence;
    const char *training;  /* JSON text about data and quality, "" when the file has none */
    const char *selection; /* one line: how this network was chosen, e.g. "auto: mobilenetv2 is installed" */
    int input_px;          /* side of the square input */
    int n_features;        /* length of the feature vector */
    int n_layers;
    int64_t n_parameters;
    int64_t n_macs; /* multiply-adds for one photo */
};

POM_API const struct pom_network_info *pom_network_info(const struct pom_network *network);

struct pom_layer_info {
    const char *name;
    const char *kind; /* "conv", "depthwise", "add", "max_pool", "global_average_pool" */
    int kernel_px;
    int stride_px;
    int out_height_px;
    int out_width_px;
    int out_channels;
    int64_t n_parameters;
    int64_t n_macs;
};

/* Fills `layer` for index 0 .. n_layers-1. Errors: ARGUMENT. */
POM_API enum pom_status pom_network_layer(const struct pom_network *network, int index,
                                          struct pom_layer_info *layer, struct pom_error *err);

/* Where named networks are kept: the environment variable POMONA_NETWORKS, else
 * $XDG_CACHE_HOME/pomona/networks, else $HOME/.cache/pomona/networks. Writes a terminated path. Errors:
 * ARGUMENT (buffer too small), NOT_FOUND (no home). */
POM_API enum pom_status pom_network_folder(char *path, size_t path_bytes, struct pom_error *err);

/* What a caller may say; NULL and 0 leave it to the file. A network that is recognised, by its features of a
 * built-in test image or by its publisher's checksum, gets its known name, origin and licence, whatever file
 * it came in; else the name is "custom-ARCHITECTURE", the origin says that it was not recorded, and the
 * licence is "unknown". The source's path is never written. Padding and preprocessing follow from the layout
 * (docs/networks.md says how) unless given here. */
struct pom_convert_options {
    const char *architecture; /* "mobilenetv2", "resnet50"; NULL: found from the tensors */
    const char *name;
    const char *origin;
    const char *licence;
    const char *padding;       /* "same", "symmetric" */
    const char *preprocessing; /* "tf", "caffe", "torch" */
    int input_px;              /* 0: what the file says, else 224 */
};

POM_API void pom_convert_options_init(struct pom_convert_options *options);

/* Reads Keras .h5 (legacy), Keras 3 .weights.h5, safetensors with torchvision's or timm's names, or ONNX (the
 * model zoo's layouts), folds batch normalisation in double, and writes a network file (complete or not at
 * all). The layout is told by the file's content, not by its name. The same weights with the same padding and
 * preprocessing give the same bytes from every layout. `options` may be NULL. Errors: NOT_FOUND, ARGUMENT,
 * FORMAT, MISMATCH (missing, extra, misshapen or non-finite tensors, by name), UNSUPPORTED, LIMIT, IO. */
POM_API enum pom_status pom_network_convert(const char *source_path, const char *destination_path,
                                            const struct pom_convert_options *options, struct pom_error *err);

struct pom_pull_options {
    const char *address; /* download from here instead of the publisher's address; NULL: the publisher's */
    const char *folder;  /* install here; NULL: pom_network_folder */
    /* Called now and then from the calling thread; total_bytes is 0 while unknown. Return nonzero to stop:
     * what was downloaded stays and the next pull goes on from there. May be NULL. */
    int (*progress)(void *user, int64_t received_bytes, int64_t total_bytes);
    void *user;
};

POM_API void pom_pull_options_init(struct pom_pull_options *options);

/* Downloads the publisher's weights of "mobilenetv2" or "resnet50", checks them (the checksum where the publisher
 * gives one, else the features of a built-in test image), converts and installs NAME.pomona. What was downloaded
 * is kept in .NAME.download beside it until then: a pull that was stopped or cut off goes on from there; one that
 * turns out to be wrong removes it. NAME.pomona appears whole or not at all; one that is there is replaced.
 * `options` may be NULL. Errors: NOT_FOUND (no such name, or the server has no such file), IO, EXISTS (another
 * pull of it is running), MISMATCH (wrong checksum or wrong network), INTERRUPTED, LIMIT, UNSUPPORTED. */
POM_API enum pom_status pom_network_pull(const char *name, const struct pom_pull_options *options,
                                         struct pom_error *err);

/* One line of what there is: the embedded network, those that can be pulled, and every NAME.pomona in the
 * networks folder, which may be any that was put there. */
struct pom_network_entry {
    char name[104];
    char path[1024];        /* of the installed file; "" when there is none */
    int64_t size_bytes;     /* of the installed file */
    int64_t download_bytes; /* about, when it can be pulled; else 0 */
    int is_embedded;
    int is_installed;
    int can_be_pulled;
};

/* Known names first, then the others sorted by name. The caller owns *entries and frees them with
 * pom_network_list_free. Files are not opened. Errors: NOT_FOUND (no home), IO, MEMORY. */
POM_API enum pom_status pom_network_list(struct pom_network_entry **entries, size_t *n_entries,
                                         struct pom_error *err);

/* NULL is fine. */
POM_API void pom_network_list_free(struct pom_network_entry *entries);

struct pom_calibrate_options {
    const char
        *photos; /* a folder, one photo, or "@FILE", a list of paths; NULL: images built into the library */
    const char *glob; /* which files are photos, as for a run; NULL: the default */
    int max_photos;   /* as many, spread evenly over the sorted listing, are looked at; 0: 100 */
    /* Called after each photo from the calling thread. Return nonzero to stop. May be NULL. */
    int (*progress)(void *user, int n_done, int n_photos);
    void *user;
};

POM_API void pom_calibrate_options_init(struct pom_calibrate_options *options);

/* Gives a network file what int16 and int8 need: it runs photos (decoded, turned and resized as by default) in single
 * precision and stores the lowest, highest and mean output of each layer's channels. Weights, identity and fp32 features
 * stay what they are; an earlier calibration is replaced. The same listing of the same photos gives the same bytes on
 * every machine. A file that Pomona did not write gets Pomona's layout and so another identity; it cannot be replaced
 * in place. `name_or_path` as for pom_network_open, but not "auto"; the result goes to `destination_path`, whole or
 * not at all; NULL: to the file it came from. `options` may be NULL. Errors: ARGUMENT ("orchard" without a destination),
 * NOT_FOUND, FORMAT, MISMATCH, IO, NUMERIC, INTERRUPTED, MEMORY. Photos that
 * cannot be decoded are left out; when none can, the error is the last one's. */
POM_API enum pom_status pom_network_calibrate(const char *name_or_path, const char *destination_path,
                                              const struct pom_calibrate_options *options,
                                              struct pom_error *err);

/* Computes the features of a built-in test image and compares with the values stored for this network's name.
 * Errors: MISMATCH with the largest difference; NOT_FOUND when nothing is known about the name. */
POM_API enum pom_status pom_network_verify(const struct pom_network *network, struct pom_error *err);

#ifdef __cplusplus
}
#endif
#endif
