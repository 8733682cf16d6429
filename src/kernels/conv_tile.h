// SPDX-License-Identifier: Apache-2.0
/* One tile's share of a call of a convolution: what conv_template.h and the formats it is made for share. */
#define MAX_TILE_PIXELS  14
#define MAX_TILE_VECTORS 16

/* What a format's kernels take off each value before they multiply it. */
#ifndef VALUE_OFFSET
#define VALUE_OFFSET 0
#endif

struct tile {
    const element *input;
    const image_element *image; /* instead of input, when the call reads the photo */
    const void *residual;
    element *output;
    int16_t *fine;
    const ptrdiff_t *output_offsets;
    const char *prefetch;
    ptrdiff_t prefetch_bytes_per_block;
};

/* Where a tile's pixels go when they follow each other. */
#define PLACES(i) (i) * BLOCK_CHANNELS, ((i) + 1) * BLOCK_CHANNELS
static const ptrdiff_t in_a_row[MAX_TILE_PIXELS]
    __attribute__((unused)) = {PLACES(0), PLACES(2), PLACES(4), PLACES(6), PLACES(8), PLACES(10), PLACES(12)};
