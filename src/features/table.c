// SPDX-License-Identifier: Apache-2.0
#include "features/table.h"

#include <math.h>

bool pomi_all_finite(const float *numbers, size_t n_numbers)
{
    for (size_t i = 0; i < n_numbers; i++)
        if (!isfinite(numbers[i])) return false;
    return true;
}
