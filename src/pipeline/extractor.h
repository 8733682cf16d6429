// SPDX-License-Identifier: Apache-2.0
/*
 * One thread's way from a photo to its features: read, decode, resize, run the network. The public extractor of
 * pomona/features.h is this struct.
 */
#ifndef POMONA_PIPELINE_EXTRACTOR_H
#define POMONA_PIPELINE_EXTRACTOR_H

#include "cnn/run.h"
#include "pomona/features.h"
#include "resize/resize.h"

/* Where a photo's time goes, and where it can fail. */
enum pomi_photo_stage {
    POMI_STAGE_READ,
    POMI_STAGE_DECODE,
    POMI_STAGE_RESIZE,
    POMI_STAGE_CNN,
    POMI_N_PHOTO_STAGES
};

/* "read", "decode", "resize", "cnn"; as the `stage` of a failure, reading is "source". */
const char *pomi_photo_stage_name(enum pomi_photo_stage stage);
const char *pomi_failure_stage_name(enum pomi_photo_stage stage);

struct pom_extractor {
    struct pom_extractor_options options;
    int input_px;
    int n_features;
    struct pomi_plan *plan; /* retained */
    struct pomi_runner *runner;
    struct pomi_bytes file;
    struct pom_image photo;
    struct pom_image input;
    struct pomi_resize_workspace workspace;
    enum pomi_photo_stage stage;         /* the last photo's: where it ended or failed */
    double seconds[POMI_N_PHOTO_STAGES]; /* summed over all photos of this extractor */
};

/* The network's plan in a precision, which integers quantise it for. Errors: as pom_extractor_new. */
enum pom_status pomi_plan_in_precision(struct pomi_plan **plan, const struct pom_network *network,
                                       enum pom_precision precision, const struct pomk_kernels *kernels,
                                       struct pom_error *err);

/* Gets a photo's file for pomi_extract_by, into `bytes`. */
typedef enum pom_status (*pomi_photo_reader)(void *user, const char *path, size_t max_bytes,
                                             struct pomi_bytes *bytes, struct pom_error *err);

/* pom_extract_file with the file from somewhere else. */
enum pom_status pomi_extract_by(struct pom_extractor *extractor, const char *path, pomi_photo_reader reader,
                                void *user, float *features, struct pom_error *err);

/* pom_extractor_clone with another number of threads for a photo. */
enum pom_status pomi_extractor_clone_threads(struct pom_extractor **clone,
                                             const struct pom_extractor *extractor, int n_threads,
                                             struct pom_error *err);

/* Files with more bytes are refused. */
size_t pomi_extractor_max_file_bytes(const struct pom_extractor *extractor);

/* Bytes of working memory that do not depend on the photos. */
size_t pomi_extractor_fixed_bytes(const struct pom_extractor *extractor);

/* The largest size of what does: the file, its pixels and what the decoding libraries hold. */
size_t pomi_extractor_photo_bytes(const struct pom_extractor *extractor);

/* Seconds of a clock that only goes forward. */
double pomi_clock_seconds(void);

#endif
