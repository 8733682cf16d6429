// SPDX-License-Identifier: Apache-2.0
/*
 * What orchard makes of the built-in test image. Made by tests/golden/verify_features.py in float64
 * (numpy 2.4.6, Python 3.11.7).
 */
#ifndef POMONA_NETWORKS_VERIFY_ORCHARD_H
#define POMONA_NETWORKS_VERIFY_ORCHARD_H

#include "networks/catalogue.h"

static const float orchard_values[] = {
    1.45429289F,   0.030102361F,   0.505758584F, 0.0726519227F, 0.455774695F, 0.14569515F,  0.0156520437F,
    0.0F,          0.0319503769F,  0.72009629F,  0.0F,          0.124812134F, 0.579980969F, 1.16048682F,
    0.943686008F,  0.00131417485F, 0.49953568F,  0.0F,          0.0F,         0.221473649F, 0.00809361506F,
    0.148196355F,  0.0115064569F,  0.0F,         0.0768340752F, 0.10266687F,  0.111648053F, 0.0F,
    0.0552153327F, 0.920374453F,   0.264812171F, 0.340197593F,  0.16028133F,  1.27797735F,  0.0F,
    0.99977529F,   0.0F,           0.16799444F,  1.00348437F,   2.17514992F,  0.961045504F, 0.754389763F,
    0.19866401F,   0.406555623F,   0.0F,         0.0712012276F, 0.0F,         0.0F,         0.0359121338F,
    0.0F,          0.442118883F,   1.18166459F,  0.0645871535F, 1.2530328F,   0.0F,         0.0F,
    0.0F,          0.253140837F,   1.29006672F,  0.120231077F,  1.07675755F,  0.340288669F, 0.0388369933F,
    0.962355077F,
};

static const struct pomi_expected_features orchard_features = {
    .n_features = 1280,
    .stride = 20,
    .n_values = sizeof orchard_values / sizeof orchard_values[0],
    .norm = 22.8159739979,
    .values = orchard_values,
};

#endif
