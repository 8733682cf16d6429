// SPDX-License-Identifier: Apache-2.0
/*
 * How a step is run: run.c walks the plan, and each kind of step has a file. This is what they share: who works, which
 * part is whose, where things lie, and what a kernel is told.
 *
 * Order of work never changes a result: a kernel computes each output element in one fixed chain, so strips,
 * panels and fusion only decide what is in the cache when. Nor does it matter who works: several members may walk
 * the steps side by side. In each step everyone has a share of the panels or rows, much the same rows from step to step,
 * for what another core wrote is slow to read; whoever is done takes from the others' shares what they have not begun, so
 * that a member whose core is wanted elsewhere does less; then they meet.
 */
#ifndef POMONA_CNN_RUN_STEPS_H
#define POMONA_CNN_RUN_STEPS_H

#include "cnn/plan.h"

struct pomi_team;

/* What the members of a runner share. */
struct crew {
    struct pomi_team *team; /* NULL: one member */
    int n_members;
    struct pomi_runner *members; /* [n_members]; the first is the runner that others see */
    atomic_int *claims; /* [n_steps][PHASES][n_members]: how many items of a member's share are taken */
    const uint8_t *rgb; /* of the photo at hand */
    float *features;
};

enum { PHASES = 2 };

/* One member. */
struct pomi_runner {
    struct pomi_plan *plan;
    char *arena;   /* the tensors, shared by all members */
    char *scratch; /* laid out the same: working memory of this member. The first's is `arena`. */
    struct crew *crew;
    int member;
};

/* --- The steps. All members call each of them, and it has all output in place when it returns. --- */

void pomi_run_block(const struct pomi_runner *r, const struct step *step, const uint8_t *rgb);
void pomi_run_conv(const struct pomi_runner *r, const struct step *step, const uint8_t *rgb, float *features);
void pomi_run_winograd(const struct pomi_runner *r, const struct step *step);
void pomi_run_depthwise(const struct pomi_runner *r, const struct step *step);
void pomi_run_add(const struct pomi_runner *r, const struct step *step);
void pomi_run_max_pool(const struct pomi_runner *r, const struct step *step);
void pomi_run_global_average_pool(const struct pomi_runner *r, const struct step *step, float *features);

/* --- Sharing the work (run_share.c) --- */

/* Where part `index` of `n_parts` begins when n items are shared out. */
static inline int part_begin(int n, int n_parts, int index)
{
    return (n * index + n_parts - 1) / n_parts;
}

/* The next of n items of the step's phase that nobody has, of this member's share first; n when all are taken. */
int pomi_run_claim(const struct pomi_runner *r, const struct step *step, int phase, int n);

/* Returns when all members are there. */
void pomi_run_meet(const struct pomi_runner *r);

static inline bool is_first(const struct pomi_runner *r)
{
    return r->member == 0;
}

/* --- Tensors --- */

static inline ptrdiff_t block_channels(const struct pomi_runner *r)
{
    return r->plan->kernels->block_channels;
}

/* A place so many elements after another. Null stays null. */
static inline void *move(const struct pomi_runner *r, const void *from, ptrdiff_t n_elements)
{
    return from ? (char *)from + n_elements * (ptrdiff_t)r->plan->kernels->element_bytes : NULL;
}

/* Pixel (row, column) of a block; rows and columns of the border count from below zero. */
static inline ptrdiff_t pixel_offset(const struct pomi_runner *r, const struct tensor *t, int block, int row,
                                     int column)
{
    return block * t->block_stride + (row + t->top) * t->row_stride + (column + t->left) * block_channels(r);
}

static inline void *pixel(const struct pomi_runner *r, const struct tensor *t, int block, int row, int column)
{
    return move(r, r->arena + t->coarse.offset, pixel_offset(r, t, block, row, column));
}

static inline int16_t *fine_pixel(const struct pomi_runner *r, const struct tensor *t, int block, int row,
                                  int column)
{
    return (int16_t *)(void *)(r->arena + t->fine.offset) + pixel_offset(r, t, block, row, column);
}

/* What an addition reads: the fine form where there is one. */
static inline const void *addend_pixel(const struct pomi_runner *r, const struct tensor *t, int block,
                                       int row, int column)
{
    return t->has_fine ? fine_pixel(r, t, block, row, column) : pixel(r, t, block, row, column);
}

/* By the first member. The arena is shared between tensors, so a border holds its value only after its tensor's step put
 * it there. */
void pomi_run_fill_border(const struct pomi_runner *r, const struct tensor *t);

/* --- What the kernels are told --- */

static inline struct pomk_requantization move_channels(struct pomk_requantization q, ptrdiff_t channel)
{
    if (q.multipliers) q.multipliers += channel;
    if (q.coarse_multipliers) q.coarse_multipliers += channel;
    return q;
}

/* A convolution (run_calls.c), and the same for one of its panels. */
struct pomk_conv pomi_conv_call(const struct conv *conv);
struct pomk_conv pomi_panel_call(const struct pomi_runner *r, struct pomk_conv call, const struct conv *conv,
                                 int panel);

/* From which row on it reads a tensor; to which row on it writes, and what it adds there. */
void pomi_point_at_tensor(const struct pomi_runner *r, struct pomk_conv *call, const struct conv *conv,
                          const struct tensor *input, int row);
void pomi_point_output(const struct pomi_runner *r, const struct step *step, struct pomk_conv *call, int row);

/* n_rows rows of `width` output pixels for one panel; in one go where the rows follow each other in memory. */
void pomi_conv_rows(const struct pomi_runner *r, struct pomk_conv call, int n_rows, int width,
                    ptrdiff_t input_row, const struct tensor *output, ptrdiff_t residual_row);

/* Converts rows first .. first + n - 1 of the photo, borders included, to the network's values (run_image.c). */
void pomi_convert_image_rows(const struct pomi_plan *plan, const struct step *step, const uint8_t *rgb,
                             int first, int n, char *row);

/* Where the step's convolution reads for its output row `row`, given the photo's rows converted from `first_row` on. */
void pomi_point_at_image(const struct pomi_runner *r, struct pomk_conv *call, const struct step *step,
                         const char *image_rows, int first_row, int row);

/* Output rows row .. row + n_rows - 1 of one block; `input_row(context, y)` finds a row at the leftmost tap
 * (run_depthwise.c). */
void pomi_depthwise_rows(const struct pomi_runner *r, const struct step *step, int block, int row, int n_rows,
                         const void *(*input_row)(const void *context, int y), const void *context,
                         void *output, ptrdiff_t output_row_stride);

/* From the sums over all pixels to the features. */
void pomi_write_average(const struct pomi_plan *plan, const void *sums, float *features);

#endif
