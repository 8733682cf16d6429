// SPDX-License-Identifier: Apache-2.0
/*
 * What a plan holds: tensors with their place in the arena, and steps in execution order. plan.c makes it
 * (plan_builder.h says how), run.c walks it (run_steps.h says how). The number format is the kernels' affair:
 * sizes are in bytes, strides in elements.
 *
 * A step is one layer, or several that run as one so that what lies between them never leaves the cache:
 *   BLOCK      expanding convolution (1x1, or the network's first) -> depthwise -> 1x1 [-> add], in strips of rows
 *   CONV       convolution [-> add], the input in strips of rows; the sums of a global average pooling when it ends
 *              in one
 *   WINOGRAD   convolution 3x3 [-> add], as a 1x1 convolution for each of 36 or 16 points, in strips of rows of tiles
 * Fused or not, a layer's output is the same bytes.
 */
#ifndef POMONA_CNN_PLAN_H
#define POMONA_CNN_PLAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cnn/run.h"
#include "kernels/kernels.h"

/* A place in the arena, bytes from its start. */
struct scratch {
    size_t size_bytes, offset;
};

/*
 * A layer's output, [n_blocks][top + height + bottom][left + width + right][block] in the arena. The border
 * around it holds the zeros that its consumers' padding asks for.
 */
struct tensor {
    int n_channels, n_blocks, height, width;
    int top, left, bottom, right;
    ptrdiff_t row_stride, block_stride;
    /* [height * width]: each pixel's distance from the first; NULL where rows follow each other without a border. */
    const ptrdiff_t *offsets;
    bool has_coarse, has_fine; /* integers: which forms (cnn/quantized.h); fp32 counts as coarse */
    int zero;                  /* what the border holds */
    struct scratch coarse;     /* from the border's corner */
    struct scratch fine;       /* the same shape in 16-bit integers */
    int first_step, last_step; /* alive from being written to being read last */
};

/* Largest kernel and stride of depthwise convolution and max pooling. */
#define PLAN_MAX_WINDOW 31

/*
 * The side of the tiles with which a convolution is computed by Winograd's method in fp32, 4 or 2; 0: directly. It follows from the
 * layer's shape alone, never from the machine, for it decides the last bits of the features.
 */
int pomi_winograd_tile_px(const struct pomi_graph *graph, int layer);

/* A convolution's constants: weights packed for the plan's kernels. */
struct conv {
    const char *weights;
    const uint32_t *bias; /* floats or integers, as many as the panels cover */
    size_t channel_bytes; /* of the packed weights: what one output channel takes */
    const ptrdiff_t *tap_offsets;
    struct pomk_panels panels;
    int n_taps, n_channels; /* n_channels values per tap */
    int n_outputs;
    int kernel, stride, pad_top, pad_left;
    bool reads_image;
    bool
        gathers; /* from a copy of its input in the order of its output: [tap][n_blocks][strip_rows][width][block] */
    enum pomk_activation activation;
    struct pomk_requantization requantization;
    /*
     * Where the whole map is one strip, each weight is used by few pixels, and waiting for weights would cost
     * more than multiplying: while one panel runs, what follows it in memory is brought nearer, the next
     * panel mostly.
     */
    bool prefetch;
};

enum step_kind {
    STEP_BLOCK,
    STEP_CONV,
    STEP_WINOGRAD,
    STEP_DEPTHWISE,
    STEP_ADD,
    STEP_MAX_POOL,
    STEP_GLOBAL_AVERAGE_POOL
};

struct step {
    enum step_kind kind;
    int input;      /* tensor, or POMI_INPUT_IMAGE */
    int output;     /* tensor; -1: the features */
    int residual;   /* tensor that is added, -1: none */
    bool pooled;    /* CONV: ends in the global average pooling */
    int layers[3];  /* BLOCK: expand, depthwise, project; otherwise layers[0] */
    int last_layer; /* whose output is the step's */

    struct conv conv;    /* CONV, WINOGRAD; BLOCK: expand */
    struct conv project; /* BLOCK */

    /* Depthwise and pooling geometry: BLOCK, DEPTHWISE, MAX_POOL. Depthwise weights are [n_blocks][kernel *
     * kernel][16]. */
    int kernel, stride, pad_top, pad_left;
    int output_height, output_width;
    enum pomk_activation activation;
    const char *depthwise_weights;
    const uint32_t *depthwise_bias;
    size_t depthwise_block_bytes; /* of the weights: what one block takes */
    /* DEPTHWISE, ADD; BLOCK: of the depthwise convolution. */
    struct pomk_requantization requantization;
    const void *padding_row; /* BLOCK: what lies above and below the expanded map */
    int padding;             /* its value */

    /* Strips: output rows at a time, and the scratch memory they need. */
    int strip_rows;
    struct scratch
        image; /* rows of the photo in the network's values, with borders: [n][left + width + right][3] */
    ptrdiff_t image_row_stride;
    struct scratch expanded; /* BLOCK: ring of rows, or one panel's whole map; tensor-like, see expanded_* */
    int expanded_rows;       /* in the ring */
    int expanded_height, expanded_width, expanded_left;
    ptrdiff_t expanded_row_stride, expanded_block_stride;
    const ptrdiff_t *expanded_offsets; /* [expanded_rows * expanded_width]: of each pixel in the ring */
    bool expanded_per_panel; /* one strip holds the whole map, so each panel may reuse the same memory */
    int depthwise_rows; /* rows that are expanded before they are convolved depthwise: while they lie in L1 */
    struct scratch depthwise; /* BLOCK: [n_blocks][strip_rows][width][block] */
    struct scratch gathered;  /* CONV that gathers */
    struct scratch sums;      /* pooling: [n_blocks][block], 32 bits each */

    /* WINOGRAD: a strip is strip_rows rows of tiles. */
    int tile_px, tile_rows, tile_columns;
    struct scratch
        points; /* of all input channels: for each point [n_blocks][tiles][block], and a pixel to keep the points apart */
    struct scratch products;   /* the same of one panel's output channels */
    const uint32_t *zero_bias; /* of the points that do not begin with the bias */
};

struct pomi_plan {
    atomic_int n_references;
    const struct pomk_layers *kernels;
    struct step *steps;
    int n_steps;
    struct tensor *tensors;
    int n_tensors;
    char *constants; /* weights, biases and zeros, aligned */
    size_t constants_bytes;
    ptrdiff_t *offsets; /* what all offsets of tensors, taps and rings point into */
    size_t arena_bytes;
    int input_px;
    int n_features;
    const float *feature_scales; /* [n_features]: from a pooled sum to the feature */
    int32_t pooled_shift;        /* integers: what the zero points add to it */
    /* A photo's byte v in colour c, red first, becomes v * pixel_scale[c] + pixel_shift[c]. */
    float pixel_scale[3], pixel_shift[3];
    bool blue_first; /* the network's first channel is the photo's third */
};

static inline int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* n elements of 1 or 2 bytes become `value`; of other sizes, zero. */
void pomi_fill(void *to, size_t n, size_t element_bytes, int value);

/* Memory for vectors, zeroed; on huge pages where the system offers them. NULL when there is none. End with
 * free(). */
void *pomi_vector_memory(size_t size_bytes);

#endif
