// SPDX-License-Identifier: Apache-2.0
/*
 * What happens to a photo's features after the network: adding them to the moments, projecting them on 50 components, and
 * writing them to Parquet, in a folder of its own in TMPDIR that is removed again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/bench.h"
#include "pca/model.h"
#include "pipeline/extractor.h"
#include "sink/sink.h"
#include "store/store.h"

#define N_ROWS       2048 /* one row group */
#define N_COMPONENTS 50

struct table {
    float *features;  /* [N_ROWS][n_features] */
    float *projected; /* [N_ROWS][N_COMPONENTS] */
    const char **texts;
    int n_features;
};

static void give(const struct pomi_bench *bench, const char *name, double *seconds)
{
    bench->on_result(bench->user, &(struct pom_bench_result){
                                      .section = "tables",
                                      .name = name,
                                      .kernel_set = "",
                                      .precision = "",
                                      .value = pomi_bench_median(seconds, bench->n_rounds) * 1e3 / N_ROWS,
                                      .unit = "ms"});
}

static enum pom_status bench_moments(const struct pomi_bench *bench, const struct table *table,
                                     struct pom_error *err)
{
    double seconds[POMI_BENCH_MAX_ROUNDS];
    for (int round = 0; round < bench->n_rounds; round++) {
        struct pom_moments *moments = NULL;
        POMI_TRY(pom_moments_new(&moments, table->n_features, err));
        double began = pomi_clock_seconds();
        enum pom_status status = pom_moments_add(moments, table->features, N_ROWS, err);
        seconds[round] = pomi_clock_seconds() - began;
        pom_moments_free(moments);
        POMI_TRY(status);
    }
    give(bench, "adding to the moments", seconds);
    return POM_OK;
}

static enum pom_status bench_projection(const struct pomi_bench *bench, const struct table *table,
                                        struct pom_error *err)
{
    double seconds[POMI_BENCH_MAX_ROUNDS];
    struct pom_pca *pca = NULL;
    POMI_TRY(pomi_pca_new(&pca, table->n_features, N_COMPONENTS, NULL, NULL, err));
    pca->info.scale = POM_SCALE_MEAN_STD;
    for (int i = 0; i < table->n_features; i++) pca->sample_std[i] = 1;
    for (int i = 0; i < table->n_features * N_COMPONENTS; i++) pca->components[i] = 1.0 / (1 + i % 97);
    pomi_pca_complete(pca);
    enum pom_status status = POM_OK;
    for (int round = 0; status == POM_OK && round < bench->n_rounds; round++) {
        double began = pomi_clock_seconds();
        status = pom_pca_apply(pca, table->features, N_ROWS, 0, table->projected, NULL, err);
        seconds[round] = pomi_clock_seconds() - began;
    }
    pom_pca_free(pca);
    POMI_TRY(status);
    give(bench, "scaling, 50 components", seconds);
    return POM_OK;
}

static enum pom_status write_part(struct pomi_sink *sink, const struct table *table, const char *folder,
                                  struct pom_error *err)
{
    struct pomi_part *part = NULL;
    struct pomi_part_options options = {.kind = POMI_TABLE_FEATURES,
                                        .formats = POMI_FORMAT_PARQUET,
                                        .folder = folder,
                                        .run_id = "bench",
                                        .n_features = table->n_features};
    struct pomi_rows rows = {.n_rows = N_ROWS,
                             .paths = table->texts,
                             .labels = table->texts,
                             .n_features = table->n_features,
                             .features = table->features};
    POMI_TRY(pomi_part_begin(&part, sink, &options, err));
    enum pom_status status = pomi_part_rows(part, &rows, err);
    if (status == POM_OK) return pomi_part_commit(part, err);
    pomi_part_abandon(part);
    return status;
}

static enum pom_status bench_sink(const struct pomi_bench *bench, const struct table *table,
                                  struct pom_error *err)
{
    double seconds[POMI_BENCH_MAX_ROUNDS];
    const char *temporary = getenv("TMPDIR");
    struct pomi_sink *sink = NULL;
    char *folder =
        pomi_store_join(temporary != NULL ? temporary : "/tmp", "pomona-bench-%ld", (long)getpid());
    if (folder == NULL) return pomi_fail_memory(err, 0, "a file name");
    enum pom_status status = pomi_sink_new(&sink, NULL, err);
    for (int round = 0; status == POM_OK && round < bench->n_rounds; round++) {
        double began = pomi_clock_seconds();
        status = write_part(sink, table, folder, err);
        seconds[round] = pomi_clock_seconds() - began;
    }
    pomi_sink_free(sink);
    if (status == POM_OK) give(bench, "writing to Parquet", seconds);
    bool has_no_duckdb = status == POM_ERROR_UNSUPPORTED;
    enum pom_status removed = pomi_store_remove_tree(NULL, folder, status == POM_OK ? err : NULL);
    free(folder);
    return has_no_duckdb ? POM_OK : status != POM_OK ? status : removed;
}

enum pom_status pomi_bench_tables(const struct pomi_bench *bench, struct pom_error *err)
{
    struct table table = {.n_features = pom_network_info(bench->network)->n_features};
    size_t n_numbers = (size_t)N_ROWS * (size_t)table.n_features;
    table.features = malloc(n_numbers * sizeof(float));
    table.projected = malloc((size_t)N_ROWS * N_COMPONENTS * sizeof(float));
    table.texts = malloc(N_ROWS * sizeof *table.texts);
    enum pom_status status = POM_OK;
    if (table.features == NULL || table.projected == NULL || table.texts == NULL) {
        status = pomi_fail_memory(err, n_numbers * sizeof(float), "features");
    } else {
        for (size_t i = 0; i < n_numbers; i++)
            table.features[i] = (float)(i * 2654435761u % 65536) * (6.0f / 65536);
        for (size_t i = 0; i < N_ROWS; i++) table.texts[i] = "photos/Apple Golden 1/0_100.jpg";
        status = bench_moments(bench, &table, err);
        if (status == POM_OK) status = bench_projection(bench, &table, err);
        if (status == POM_OK) status = bench_sink(bench, &table, err);
    }
    free(table.features);
    free(table.projected);
    free(table.texts);
    return status;
}
