// SPDX-License-Identifier: Apache-2.0
#ifndef POMONA_BASE_FINITE_H
#define POMONA_BASE_FINITE_H

#include <stdbool.h>
#include <stddef.h>

/* Whether no number is infinite or not a number. */
bool pomi_all_finite(const float *numbers, size_t n_numbers);

#endif
