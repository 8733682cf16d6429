// SPDX-License-Identifier: Apache-2.0
#include "base/finite.h"

#include <stdint.h>
#include <string.h>

/* By the exponents, and without leaving early: compilers make vector code of it. */
bool pomi_all_finite(const float *numbers, size_t n_numbers)
{
    uint32_t largest_exponent = 0;
    for (size_t i = 0; i < n_numbers; i++) {
        uint32_t bits;
        memcpy(&bits, &numbers[i], sizeof bits);
        bits &= 0x7f800000;
        largest_exponent = bits > largest_exponent ? bits : largest_exponent;
    }
    return largest_exponent < 0x7f800000;
}
