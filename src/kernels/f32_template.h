// SPDX-License-Identifier: Apache-2.0
/* The table of layers in fp32, once per set: after its vectors, tiles and SET_NAME. */
#include "kernels/conv_f32.h"

#include "kernels/conv_template.h"
#include "kernels/depthwise_template.h"
#include "kernels/pool_template.h"
#include "kernels/winograd_template.h"

#define HAS_WINOGRAD

#define F32_SYMBOL_(name) pomk_f32_##name
#define F32_SYMBOL(name)  F32_SYMBOL_(name)

#define LAYERS F32_SYMBOL(SET_NAME)
#include "kernels/layers_table.h"
