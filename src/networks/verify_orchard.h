// SPDX-License-Identifier: Apache-2.0
/*
 * What orchard makes of the built-in test image. Made by tests/golden/verify_features.py in float64
 * (numpy 1.26.4, Python 3.11.7).
 */
#ifndef POMONA_NETWORKS_VERIFY_ORCHARD_H
#define POMONA_NETWORKS_VERIFY_ORCHARD_H

#include "networks/catalogue.h"

static const float orchard_values[] = {
    0.762089789F,  0.0F,         0.419163764F,    0.101462319F,  0.921241164F,  0.23024413F,
    0.467974156F,  0.0F,         0.00188467687F,  0.816090763F,  0.168700472F,  0.296293706F,
    0.367742181F,  1.84751606F,  1.00515616F,     0.0486605056F, 0.634172499F,  0.0F,
    0.104264773F,  0.263874143F, 0.298735619F,    0.187823713F,  0.0080205109F, 0.291268706F,
    0.0819157511F, 0.326772183F, 0.0123796444F,   0.0606959239F, 0.0100270724F, 0.498444736F,
    0.478864282F,  1.50491536F,  0.173020631F,    0.729899526F,  0.0329846963F, 0.653595805F,
    0.0159465559F, 0.16115196F,  0.685554147F,    1.91690767F,   0.176525906F,  0.673833191F,
    0.031618543F,  0.331443369F, 0.000251918536F, 0.017775245F,  0.0107777836F, 0.0841865242F,
    0.0621002801F, 0.226525098F, 0.365550399F,    0.65347755F,   0.206007168F,  0.474635154F,
    0.0601412766F, 0.0F,         0.0109608425F,   1.0259577F,    0.273295343F,  0.260050178F,
    0.797260702F,  1.46553636F,  0.0994924679F,   0.581701577F,
};

static const struct pomi_expected_features orchard_features = {
    .n_features = 1280,
    .stride = 20,
    .n_values = sizeof orchard_values / sizeof orchard_values[0],
    .norm = 22.774990623,
    .values = orchard_values,
};

#endif
