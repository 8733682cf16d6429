// SPDX-License-Identifier: Apache-2.0
/*
 * What mobilenetv2 makes of the built-in test image. Made by tests/golden/verify_features.py in float64
 * (numpy 2.4.6, Python 3.11.7).
 */
#ifndef POMONA_NETWORKS_VERIFY_MOBILENETV2_H
#define POMONA_NETWORKS_VERIFY_MOBILENETV2_H

#include "networks/catalogue.h"

static const float mobilenetv2_values[] = {
    0.599619746F,   0.0F,         0.769414067F,   0.0F,          0.073220171F,  0.0F,
    0.0F,           0.0F,         0.0F,           0.0F,          0.0416198261F, 0.0F,
    0.0F,           1.34568489F,  0.00404705713F, 0.0F,          2.80265856F,   0.0F,
    0.0F,           0.0F,         0.00532005215F, 0.0F,          0.0F,          0.0F,
    0.0F,           0.0F,         0.0170552135F,  0.0F,          0.0F,          1.02304423F,
    0.140226036F,   0.143289819F, 0.0F,           1.7635107F,    0.0F,          0.0F,
    0.0F,           0.0F,         0.0F,           0.0620311834F, 1.29877877F,   0.0F,
    0.0F,           0.473479748F, 0.0F,           0.0F,          0.0314823799F, 0.0F,
    0.0F,           0.0F,         0.00334755913F, 0.274683714F,  0.0F,          0.111443147F,
    0.00730678905F, 0.0F,         0.0F,           0.643489718F,  0.440170825F,  0.0F,
    0.0F,           0.472564399F, 0.0F,           0.783602953F,
};

static const struct pomi_expected_features mobilenetv2_features = {
    .n_features = 1280,
    .stride = 20,
    .n_values = sizeof mobilenetv2_values / sizeof mobilenetv2_values[0],
    .norm = 26.4732752543,
    .values = mobilenetv2_values,
};

#endif
