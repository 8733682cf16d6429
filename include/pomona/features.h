// SPDX-License-Identifier: Apache-2.0
/*
 * Features: one photo in, one vector out.
 *
 * An extractor holds what one thread needs: decoder buffers, the resized image and the network's working
 * memory. It allocates when it is made and when a photo is larger than any before, not per photo. Use one
 * extractor per thread; all of them may share one network. One that is to answer soon rather than much may have threads
 * of its own (n_threads).
 */
#ifndef POMONA_FEATURES_H
#define POMONA_FEATURES_H

#include "image.h"
#include "network.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pom_extractor;

/* How the network computes. Integers are faster and a little off; each precision gives the same bytes on every machine.
 * docs/numbers.md says how far they are from fp32 and whom that serves. */
enum pom_precision { POM_PRECISION_FP32, POM_PRECISION_INT16, POM_PRECISION_INT8 };

struct pom_extractor_options {
    struct pom_decode_options decode;
    struct pom_resize_options resize;
    int64_t max_file_bytes; /* refuse larger files; 0: the default, 256 MiB */
    enum pom_precision
        precision; /* other than FP32: the network must be calibrated, see pom_network_calibrate */
    const char
        *cpu; /* no faster kernel set than this one of pom_cpu_kernel_set; NULL: the fastest that runs here */
    /* Threads that compute one photo's features together, the caller's among them; 0: one. For few photos at a time: many
     * are done sooner by many extractors of one thread each. The features are the same bytes. Each thread takes working
     * memory of its own and sleeps between photos. */
    int n_threads;
};

/* Defaults: as the fields say; bicubic, stretch, EXIF rotation applied. */
POM_API void pom_extractor_options_init(struct pom_extractor_options *options);

/* `network` must outlive the extractor; `options` may be NULL. The caller owns *extractor.
 * Errors: ARGUMENT, MEMORY (threads that cannot be started too), UNSUPPORTED (a layer this build cannot run, or a
 * precision that the network is not calibrated for), NUMERIC (its weights do not fit its calibration). */
POM_API enum pom_status pom_extractor_new(struct pom_extractor **extractor, const struct pom_network *network,
                                          const struct pom_extractor_options *options, struct pom_error *err);

/* A further extractor for another thread: shares the packed weights, has its own working memory. `extractor`
 * may be freed before its clones. */
POM_API enum pom_status pom_extractor_clone(struct pom_extractor **clone,
                                            const struct pom_extractor *extractor, struct pom_error *err);

/* Where the last photo's way ended: "source" (reading), "decode", "resize" or "cnn"; what the `stage` column of a failures
 * table says. */
POM_API const char *pom_extractor_stage(const struct pom_extractor *extractor);

/* NULL is fine. */
POM_API void pom_extractor_free(struct pom_extractor *extractor);

/* features[n_features] of the photo whose encoded bytes are at `data` (borrowed for the call).
 * Errors: those of pom_image_decode. */
POM_API enum pom_status pom_extract_memory(struct pom_extractor *extractor, const void *data,
                                           size_t size_bytes, float *features, struct pom_error *err);

/* The same for a file. Errors: also NOT_FOUND and IO. */
POM_API enum pom_status pom_extract_file(struct pom_extractor *extractor, const char *path, float *features,
                                         struct pom_error *err);

/* The same for decoded pixels of any size. */
POM_API enum pom_status pom_extract_image(struct pom_extractor *extractor, const struct pom_image *image,
                                          float *features, struct pom_error *err);

#ifdef __cplusplus
}
#endif
#endif
