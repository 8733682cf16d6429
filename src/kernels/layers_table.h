// SPDX-License-Identifier: Apache-2.0
/*
 * The table of one number format, named LAYERS: the functions that the templates before it have defined, by the names that all
 * formats give them. Included once at the end of each format of each set.
 */
const struct pomk_layers LAYERS = {
    .element_bytes = sizeof(element),
    .fine_element_bytes = sizeof(residual_element),
    .image_element_bytes = sizeof(image_element),
    .block_channels = BLOCK_CHANNELS,
    .tiles = tile_text + 1,
    .choose_panels = choose_panels,
    .packed_bytes = packed_bytes,
    .pack_weights = pack_weights,
    .pack_channels = pack_channels,
    .pack_bias = pack_bias,
    .packed_depthwise_bytes = packed_depthwise_bytes,
    .pack_depthwise = pack_depthwise,
    .conv = conv,
    .depthwise = depthwise,
#ifdef HAS_WINOGRAD
    .winograd_patches = winograd_patches,
    .winograd_products = conv,
    .winograd_tiles = winograd_tiles,
#endif
    .max_pool = max_pool,
    .add = add,
    .convert_bytes = convert_bytes,
    .sum_pixels = sum_pixels,
    .average = average,
};
