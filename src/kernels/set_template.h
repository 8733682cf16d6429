// SPDX-License-Identifier: Apache-2.0
/* The end of every set_NAME.c, after its vectors, SET_NAME and SET_LAYERS: what does not belong to a network's layers,
 * and the table of the set. */
#include "kernels/peak_template.h"
#include "kernels/products_template.h"
#include "kernels/resample_template.h"

#define SET_SYMBOL_(name) pomk_kernels_##name
#define SET_SYMBOL(name)  SET_SYMBOL_(name)
#define SET_TEXT_(name)   #name
#define SET_TEXT(name)    SET_TEXT_(name)

const struct pomk_kernels SET_SYMBOL(SET_NAME) = {
    .name = SET_TEXT(SET_NAME),
    .vector_lanes = VECTOR_LANES,
    .layers = SET_LAYERS,
    .add_products = add_products,
    .resample_columns = resample_columns,
    .resample_rows = resample_rows,
    .fma_peak = fma_peak,
};
