// SPDX-License-Identifier: Apache-2.0
/*
 * A quantised network in plain loops: the meaning of cnn/quantized.h, written a second time and independent of the
 * kernels, the plan and the quantiser. Slow.
 */
#ifndef TESTS_INTEGER_REFERENCE_H
#define TESTS_INTEGER_REFERENCE_H

#include "cnn/quantized.h"

/* rgb[input_px][input_px][3] -> features[channels of the last layer]. Fails the test when an integer leaves its range or
 * memory is out. */
void integer_reference_run(const struct pomi_graph *graph, const struct pomi_quantized *quantized,
                           const uint8_t *rgb, float *features);

#endif
