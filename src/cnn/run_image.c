// SPDX-License-Identifier: Apache-2.0
/* The photo as the first convolution reads it: rows of the network's values, with borders. */
#include <assert.h>
#include <string.h>

#include "cnn/run_steps.h"

/* The network's first channel is the photo's third. */
static void swap_red_and_blue(void *row, size_t n_pixels, size_t element_bytes)
{
    assert(element_bytes == sizeof(uint32_t) || element_bytes == sizeof(uint16_t));
    if (element_bytes == sizeof(uint32_t))
        for (uint32_t *pixel = row, *end = pixel + 3 * n_pixels; pixel < end; pixel += 3) {
            const uint32_t red = pixel[0];
            pixel[0] = pixel[2];
            pixel[2] = red;
        }
    else
        for (uint16_t *pixel = row, *end = pixel + 3 * n_pixels; pixel < end; pixel += 3) {
            const uint16_t red = pixel[0];
            pixel[0] = pixel[2];
            pixel[2] = red;
        }
}

void pomi_convert_image_rows(const struct pomi_plan *plan, const struct step *step, const uint8_t *rgb,
                             int first, int n, char *row)
{
    const size_t element = plan->kernels->image_element_bytes, n_pixels = (size_t)plan->input_px;
    const size_t row_bytes = (size_t)step->image_row_stride * element;
    const size_t left = (size_t)step->conv.pad_left * 3 * element, used = left + n_pixels * 3 * element;
    for (int y = first; y < first + n; y++, row += row_bytes) {
        if (y < 0 || y >= plan->input_px) {
            memset(row, 0, row_bytes);
            continue;
        }
        memset(row, 0, left);
        memset(row + used, 0, row_bytes - used);
        plan->kernels->convert_bytes(row + left, rgb + (size_t)y * n_pixels * 3, n_pixels * 3,
                                     plan->pixel_scale, plan->pixel_shift);
        if (plan->blue_first) swap_red_and_blue(row + left, n_pixels, element);
    }
}

void pomi_point_at_image(const struct pomi_runner *r, struct pomk_conv *call, const struct step *step,
                         const char *image_rows, int first_row, int row)
{
    const int image_row = row * step->conv.stride - step->conv.pad_top - first_row;
    call->input =
        image_rows + image_row * step->image_row_stride * (ptrdiff_t)r->plan->kernels->image_element_bytes;
    call->input_block_stride = block_channels(r);
    call->pixel_stride = (ptrdiff_t)step->conv.stride * 3;
}
