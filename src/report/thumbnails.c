// SPDX-License-Identifier: Apache-2.0
#include "report/thumbnails.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>

#include <jpeglib.h>

static const int quality =
    78; /* the eye's limit at this size is lower; thumbnails are also looked at doubled */
static const int ground = 235; /* what a tile shows beside its photo; never drawn */

struct pomi_tile pomi_thumbnail_shrink(uint8_t *pixels, size_t stride_bytes, int edge_px,
                                       const struct pom_image *source)
{
    int width = source->width_px, height = source->height_px, longer = width > height ? width : height;
    if (width < 1 || height < 1) return (struct pomi_tile){0};
    int to_width = width, to_height = height;
    if (longer > edge_px) {
        to_width = (int)((int64_t)width * edge_px / longer);
        to_height = (int)((int64_t)height * edge_px / longer);
        if (to_width < 1) to_width = 1;
        if (to_height < 1) to_height = 1;
    }
    /* Each pixel is the mean of the source pixels that begin inside it: plenty for a thumbnail. */
    for (int y = 0; y < to_height; y++) {
        int top = (int)((int64_t)y * height / to_height),
            bottom = (int)((int64_t)(y + 1) * height / to_height);
        for (int x = 0; x < to_width; x++) {
            int left = (int)((int64_t)x * width / to_width),
                right = (int)((int64_t)(x + 1) * width / to_width);
            uint64_t sum[3] = {0}, n = (uint64_t)(right - left) * (uint64_t)(bottom - top);
            for (int v = top; v < bottom; v++) {
                const uint8_t *from = source->pixels + ((size_t)v * (size_t)width + (size_t)left) * 3;
                for (int u = left; u < right; u++, from += 3)
                    for (int c = 0; c < 3; c++) sum[c] += from[c];
            }
            for (int c = 0; c < 3; c++)
                pixels[(size_t)y * stride_bytes + (size_t)x * 3 + (size_t)c] =
                    (uint8_t)((sum[c] + n / 2) / n);
        }
    }
    return (struct pomi_tile){(uint8_t)to_width, (uint8_t)to_height};
}

/* libjpeg's errors jump back to where the sheet began. */
struct jpeg_failure {
    struct jpeg_error_mgr manager; /* first: libjpeg hands back a pointer to it */
    jmp_buf back;
};

static void on_jpeg_error(j_common_ptr jpeg)
{
    longjmp(((struct jpeg_failure *)jpeg->err)->back, 1);
}

static void be_silent(j_common_ptr jpeg)
{
    (void)jpeg;
}

/* Everything that a sheet holds while it grows; out of the function, so that the jump cannot lose it. */
struct sheet {
    struct jpeg_compress_struct jpeg;
    struct jpeg_failure failure;
    unsigned char *encoded; /* by libjpeg, from malloc */
    unsigned long encoded_bytes;
    uint8_t *strip; /* one row of tiles: [tile_px][POMI_SHEET_TILES * tile_px][3] */
    struct pom_image photo;
};

static bool encode(struct sheet *sheet, struct pomi_tile *tiles, const struct pomi_report *report,
                   const size_t *indices, size_t n, int tile_px)
{
    struct jpeg_compress_struct *jpeg = &sheet->jpeg;
    jpeg->err = jpeg_std_error(&sheet->failure.manager);
    sheet->failure.manager.error_exit = on_jpeg_error;
    sheet->failure.manager.output_message = be_silent;
    if (setjmp(sheet->failure.back)) return false;

    size_t n_columns = n < POMI_SHEET_TILES ? n : POMI_SHEET_TILES;
    size_t stride_bytes = n_columns * (size_t)tile_px * 3;
    jpeg_create_compress(jpeg);
    jpeg_mem_dest(jpeg, &sheet->encoded, &sheet->encoded_bytes);
    jpeg->image_width = (JDIMENSION)(n_columns * (size_t)tile_px);
    jpeg->image_height = (JDIMENSION)((n + n_columns - 1) / n_columns * (size_t)tile_px);
    jpeg->input_components = 3;
    jpeg->in_color_space = JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, quality, TRUE);
    jpeg_start_compress(jpeg, TRUE);
    for (size_t first = 0; first < n; first += n_columns) {
        memset(sheet->strip, ground, stride_bytes * (size_t)tile_px);
        for (size_t i = first; i < n && i < first + n_columns; i++) {
            tiles[i] = (struct pomi_tile){0};
            if (report->load_photo(report->user, indices[i], &sheet->photo))
                tiles[i] = pomi_thumbnail_shrink(sheet->strip + (i - first) * (size_t)tile_px * 3,
                                                 stride_bytes, tile_px, &sheet->photo);
        }
        for (int y = 0; y < tile_px; y++) {
            JSAMPROW row = sheet->strip + (size_t)y * stride_bytes;
            jpeg_write_scanlines(jpeg, &row, 1);
        }
    }
    jpeg_finish_compress(jpeg);
    return true;
}

enum pom_status pomi_thumbnail_sheet(struct pomi_bytes *jpeg, struct pomi_tile *tiles,
                                     const struct pomi_report *report, const size_t *indices, size_t n,
                                     int tile_px, struct pom_error *err)
{
    size_t strip_bytes = (size_t)POMI_SHEET_TILES * (size_t)tile_px * (size_t)tile_px * 3;
    struct sheet *sheet = calloc(1, sizeof *sheet);
    if (sheet != NULL) sheet->strip = malloc(strip_bytes);
    if (sheet == NULL || sheet->strip == NULL) {
        free(sheet);
        return pomi_fail_memory(err, strip_bytes, "a sheet of thumbnails");
    }
    enum pom_status status = encode(sheet, tiles, report, indices, n, tile_px)
                                 ? pomi_bytes_append(jpeg, sheet->encoded, sheet->encoded_bytes, err)
                                 : pomi_fail_memory(err, strip_bytes, "a sheet of thumbnails");
    jpeg_destroy_compress(&sheet->jpeg);
    free(sheet->encoded);
    free(sheet->strip);
    pom_image_release(&sheet->photo);
    free(sheet);
    return status;
}
