// SPDX-License-Identifier: Apache-2.0
/*
 * Pomona behind a few functions, for bench/engines, through the public C API and nothing else: pixels at the network's
 * size to features. Compiled against the headers, so that options structs may grow.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pomona/pomona.h>

struct driver {
    struct pom_network *network;
    struct pom_extractor *extractor;
    int input_px, n_features;
};

static void *fail(struct driver *driver, const struct pom_error *err, char *message, size_t message_bytes)
{
    snprintf(message, message_bytes, "%s", err->message);
    pom_network_free(driver->network);
    free(driver);
    return NULL;
}

/* NULL, with a message, when it cannot be had. */
struct driver *driver_open(const char *network, const char *cpu, const char *precision, int n_threads,
                           char *message, size_t message_bytes)
{
    struct driver *driver = calloc(1, sizeof *driver);
    struct pom_error err = {0};
    struct pom_extractor_options options;
    pom_extractor_options_init(&options);
    options.cpu = cpu;
    if (driver == NULL) return NULL;
    options.n_threads = n_threads;
    options.precision = strcmp(precision, "int8") == 0    ? POM_PRECISION_INT8
                        : strcmp(precision, "int16") == 0 ? POM_PRECISION_INT16
                                                          : POM_PRECISION_FP32;
    if (pom_network_open(&driver->network, network, &err) != POM_OK ||
        pom_extractor_new(&driver->extractor, driver->network, &options, &err) != POM_OK)
        return fail(driver, &err, message, message_bytes);
    driver->input_px = pom_network_info(driver->network)->input_px;
    driver->n_features = pom_network_info(driver->network)->n_features;
    return driver;
}

/* photos[n_photos][y][x][3] -> features[n_photos][n]; nonzero when that failed */
int driver_run(struct driver *driver, uint8_t *photos, int n_photos, float *features)
{
    for (int i = 0; i < n_photos; i++) {
        struct pom_image image = {photos +
                                      (size_t)i * (size_t)driver->input_px * (size_t)driver->input_px * 3,
                                  driver->input_px, driver->input_px, 0};
        if (pom_extract_image(driver->extractor, &image, features + (size_t)i * (size_t)driver->n_features,
                              NULL) != POM_OK)
            return 1;
    }
    return 0;
}

void driver_close(struct driver *driver)
{
    pom_extractor_free(driver->extractor);
    pom_network_free(driver->network);
    free(driver);
}

/* The machine's multiply-adds per second, measured for about `seconds`; 0 when that failed. */
double driver_limit(const char *cpu, int n_threads, double seconds)
{
    double macs_per_second = 0;
    return pom_bench_limit(cpu, n_threads, seconds, &macs_per_second, NULL) == POM_OK ? macs_per_second : 0;
}

const char *driver_cpu(const char *cpu)
{
    return pom_cpu_choose(cpu);
}

const char *driver_version(void)
{
    return pom_version();
}
