// SPDX-License-Identifier: Apache-2.0
/*
 * Decoding and resizing one photo, as an extractor does it: of the size of Fruits-360's, and of a phone's.
 */
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "api/bench.h"
#include "decode/decode.h"
#include "pipeline/extractor.h"
#include "resize/resize.h"

static void give(const struct pomi_bench *bench, const char *name, double *milliseconds)
{
    bench->on_result(bench->user,
                     &(struct pom_bench_result){.section = "photo",
                                                .name = name,
                                                .kernel_set = bench->sets[bench->n_sets - 1]->name,
                                                .precision = "",
                                                .value = pomi_bench_median(milliseconds, bench->n_rounds),
                                                .unit = "ms"});
}

static unsigned long encode_jpeg(unsigned char **data, const uint8_t *pixels, int width_px, int height_px)
{
    struct jpeg_compress_struct encoder;
    struct jpeg_error_mgr errors;
    unsigned long size_bytes = 0;
    *data = NULL;
    encoder.err = jpeg_std_error(&errors);
    jpeg_create_compress(&encoder);
    jpeg_mem_dest(&encoder, data, &size_bytes);
    encoder.image_width = (JDIMENSION)width_px;
    encoder.image_height = (JDIMENSION)height_px;
    encoder.input_components = 3;
    encoder.in_color_space = JCS_RGB;
    jpeg_set_defaults(&encoder);
    jpeg_set_quality(&encoder, 90, TRUE);
    jpeg_start_compress(&encoder, TRUE);
    while (encoder.next_scanline < encoder.image_height) {
        JSAMPROW row = (JSAMPROW)(pixels + (size_t)encoder.next_scanline * (size_t)width_px * 3);
        jpeg_write_scanlines(&encoder, &row, 1);
    }
    jpeg_finish_compress(&encoder);
    jpeg_destroy_compress(&encoder);
    return size_bytes;
}

static enum pom_status bench_photo(const struct pomi_bench *bench, int width_px, int height_px,
                                   struct pom_error *err)
{
    uint8_t *pixels = malloc((size_t)width_px * (size_t)height_px * 3);
    if (pixels == NULL) return pomi_fail_memory(err, (size_t)width_px * (size_t)height_px * 3, "a photo");
    unsigned char *data;
    pomi_bench_draw(pixels, width_px, height_px, 1);
    unsigned long size_bytes = encode_jpeg(&data, pixels, width_px, height_px);
    free(pixels);

    struct pom_image photo = {0}, small = {0};
    struct pomi_resize_workspace workspace = {.kernels = bench->sets[bench->n_sets - 1]};
    struct pom_decode_options decode_options;
    struct pom_resize_options resize_options;
    pom_decode_options_init(&decode_options);
    pom_resize_options_init(&resize_options);
    double decode_ms[POMI_BENCH_MAX_ROUNDS], resize_ms[POMI_BENCH_MAX_ROUNDS];
    int side_px = pom_network_info(bench->network)->input_px;
    int n_times = (int)(4000000 / ((int64_t)width_px * height_px)) + 1;
    enum pom_status status = POM_OK;
    for (int round = 0; status == POM_OK && round < bench->n_rounds; round++) {
        double began = pomi_clock_seconds();
        for (int i = 0; status == POM_OK && i < n_times; i++)
            status = pomi_decode(&photo, (struct pomi_view){data, size_bytes}, &decode_options, err);
        double decoded = pomi_clock_seconds();
        for (int i = 0; status == POM_OK && i < n_times; i++)
            status = pomi_resize(&small, &photo, side_px, side_px, &resize_options, &workspace, err);
        decode_ms[round] = (decoded - began) * 1e3 / n_times;
        resize_ms[round] = (pomi_clock_seconds() - decoded) * 1e3 / n_times;
    }
    if (status == POM_OK) {
        char name[64];
        snprintf(name, sizeof name, "decode JPEG, %dx%d", width_px, height_px);
        give(bench, name, decode_ms);
        snprintf(name, sizeof name, "resize %dx%d to %d", width_px, height_px, side_px);
        give(bench, name, resize_ms);
    }
    pom_image_release(&photo);
    pom_image_release(&small);
    pomi_resize_workspace_release(&workspace);
    free(data);
    return status;
}

enum pom_status pomi_bench_photos(const struct pomi_bench *bench, struct pom_error *err)
{
    POMI_TRY(bench_photo(bench, 100, 100, err));
    return bench_photo(bench, 4000, 3000, err);
}
