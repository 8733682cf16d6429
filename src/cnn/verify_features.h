// SPDX-License-Identifier: Apache-2.0
/*
 * Features of the built-in test image, by which a network is known. Made by tests/golden/verify_features.py in
 * float64 (numpy 2.4.6, h5py 3.16.0, Python 3.11.7).
 */
#ifndef POMONA_CNN_VERIFY_FEATURES_H
#define POMONA_CNN_VERIFY_FEATURES_H

#include "cnn/catalogue.h"

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

static const float orchard_values[] = {
    1.18623006F,   0.0692594647F, 0.249135479F,  0.191983163F,  0.190511063F, 0.986387491F, 0.467252702F,
    0.0498279668F, 0.189505562F,  0.793249667F,  0.102866948F,  0.289731771F, 1.49747443F,  0.168534011F,
    1.08307219F,   0.124155276F,  0.299818426F,  0.0227822233F, 0.23253864F,  0.328790337F, 0.483234644F,
    0.187125877F,  0.0545885824F, 0.447215229F,  0.297203302F,  0.96094954F,  0.133648142F, 0.0870174244F,
    0.151854426F,  2.00499129F,   1.08774221F,   0.137617826F,  0.377741337F, 1.06664789F,  0.0847903788F,
    0.72847563F,   0.0479319394F, 0.384313852F,  0.182382092F,  0.487326711F, 0.377506435F, 0.377162069F,
    0.30202651F,   0.545823812F,  0.0595334135F, 0.22152704F,   0.146143153F, 0.165024906F, 0.0485892221F,
    0.0931703746F, 0.295793742F,  1.43704689F,   0.190833077F,  1.15150237F,  0.202524662F, 0.0592322797F,
    0.0355122723F, 0.398525774F,  1.29002702F,   0.0510468632F, 0.501522899F, 1.31498182F,  0.0626121163F,
    0.358314365F,
};

static const struct pomi_expected_features orchard_features = {
    .n_features = 1280,
    .stride = 20,
    .n_values = sizeof orchard_values / sizeof orchard_values[0],
    .norm = 22.9507299464,
    .values = orchard_values,
};

#endif
