// SPDX-License-Identifier: Apache-2.0
/*
 * Threads that run photos through the network for a measurement, each photo on one of them or on several. In a batch they
 * take photos as they become free and wait for each other at its end.
 */
#ifndef POMONA_API_BENCH_CREW_H
#define POMONA_API_BENCH_CREW_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/bench.h"

struct pomi_bench_member;

struct pomi_bench_crew {
    const struct pomi_bench *bench;
    size_t photo_bytes;
    int n_threads, batch;
    int threads_per_photo;
    pthread_mutex_t lock; /* of state: nobody begins before all are there */
    pthread_cond_t state_changed;
    enum { WAITING, RUNNING, CANCELLED } state;
    pthread_barrier_t gate; /* of a batch's end */
    atomic_int next;        /* photo of the current batch */
    bool is_over;           /* written by the first thread between two gates */
    struct pomi_bench_member *members;
};

struct pomi_bench_member {
    struct pomi_bench_crew *crew;
    pthread_t thread;
    struct pomi_runner *runner;
    float *features;
    double photos_per_second;
};

/* The caller has filled bench, n_threads and threads_per_photo of a struct that is zero otherwise, and releases it also after
 * an error. */
enum pom_status pomi_bench_crew_open(struct pomi_bench_crew *crew, struct pomi_plan *plan,
                                     struct pom_error *err);
void pomi_bench_crew_release(struct pomi_bench_crew *crew);

/* Photos per second of all members together; batches of one are not waited for. */
enum pom_status pomi_bench_crew_measure(struct pomi_bench_crew *crew, int batch, double *photos_per_second,
                                        struct pom_error *err);

#endif
