// SPDX-License-Identifier: Apache-2.0
/*
 * Thumbnails: photos made small and laid out in JPEG sheets, so that thousands of them are a few images.
 */
#ifndef POMONA_REPORT_THUMBNAILS_H
#define POMONA_REPORT_THUMBNAILS_H

#include "report/report.h"

#define POMI_SHEET_TILES 32 /* tiles per row of a sheet, and rows per sheet */

/* One thumbnail: the top left width_px x height_px of its tile; both 0 when the photo could not be loaded.
 * Tile i is on sheet i / 1024, in row i % 1024 / 32 and column i % 32 of it. */
struct pomi_tile {
    uint8_t width_px;
    uint8_t height_px;
};

/* Loads the photos `indices` by report->load_photo, fills `tiles` and appends one JPEG file of all tiles to
 * `jpeg`. n <= 1024; tile_px is a multiple of 16 and below 256, so that no tile shares a JPEG block with its
 * neighbour. */
enum pom_status pomi_thumbnail_sheet(struct pomi_bytes *jpeg, struct pomi_tile *tiles,
                                     const struct pomi_report *report, const size_t *indices, size_t n,
                                     int tile_px, struct pom_error *err);

/* Averages `source` into at most edge_px x edge_px RGB pixels at `pixels` (rows `stride_bytes` apart), its
 * shape kept. */
struct pomi_tile pomi_thumbnail_shrink(uint8_t *pixels, size_t stride_bytes, int edge_px,
                                       const struct pom_image *source);

#endif
