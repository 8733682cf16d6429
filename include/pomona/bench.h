// SPDX-License-Identifier: Apache-2.0
/*
 * How fast this machine is: each stage, and the network against the limit of the machine's multiply-add units.
 *
 * The limit is a loop of fused multiply-adds on registers, timed in turn with the network, so that a clock that drifts
 * drifts for both; a share of it is comparable between machines, a number of photos per second is not.
 */
#ifndef POMONA_BENCH_H
#define POMONA_BENCH_H

#include "network.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pom_bench_options {
    const char *network; /* as pom_network_open takes it; NULL: "auto" */
    const char *cpu;     /* kernel set limit; NULL: every set is measured */
    int n_threads;       /* where all are measured; 0: one per core */
    int n_photos; /* per measurement, in one round: a quick look; 0: as many as fit into 0.14 seconds, 7 rounds */
};

POM_API void pom_bench_options_init(struct pom_bench_options *options);

/* The limit of this machine, measured now for about `seconds` (0: 0.1) on n_threads threads (0: one per core) at once:
 * fused fp32 multiply-adds per second of the widest kernel set that `cpu` allows (NULL: all), on registers, summed over the
 * threads. A network that needs n_macs of them per photo cannot be faster than this / n_macs photos per second, but where
 * 3x3 convolutions take fewer multiplications (Winograd's, in fp32). Clocks drift: measure it in turn with what is compared to it. Errors: ARGUMENT, MEMORY. */
POM_API enum pom_status pom_bench_limit(const char *cpu, int n_threads, double seconds,
                                        double *macs_per_second, struct pom_error *err);

struct pom_bench_result {
    const char *
        section; /* "start" (before the first photo), "limit", "network" (alone, pixels to features), "scaling" (all threads beside one), "layers" (of one photo in the network, one
                            thread), "photo" (before the network), "tables" (after it) */
    const char *name;       /* what was measured, e.g. "1 thread, photo by photo" */
    const char *kernel_set; /* "" where none takes part */
    const char *precision;  /* "fp32", "int16", "int8"; "" outside the network */
    double value;
    const char *unit; /* "G multiply-adds/s", "photos/s", "ms" per photo; start: "ms" */
    double
        share_of_limit; /* of the kernel set's fp32 multiply-add limit on as many threads; 0 where it means nothing */
    double share_of_photo; /* layers: of the network's time for a photo */
};

/* Measures and hands over one result after the other, from the calling thread, section by section. Takes some seconds, and
 * writes to a folder in TMPDIR that it removes. Errors: those of pom_network_open and pom_extractor_new, IO. */
POM_API enum pom_status pom_bench(const struct pom_bench_options *options,
                                  void (*on_result)(void *user, const struct pom_bench_result *result),
                                  void *user, struct pom_error *err);

#ifdef __cplusplus
}
#endif
#endif
