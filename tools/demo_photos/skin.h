// SPDX-License-Identifier: Apache-2.0
//
// What surfaces look like: the painters of skin.c, by name. A part's palette gives the colours (each painter
// says which it uses), its tone numbers how ripe, ruddy or spotted this one is.
#ifndef DEMO_PHOTOS_SKIN_H
#define DEMO_PHOTOS_SKIN_H

#include "shape.h"

extern const struct skin SKIN_APPLE, SKIN_CITRUS, SKIN_PEAR, SKIN_STONE_FRUIT, SKIN_CHERRY, SKIN_TOMATO,
    SKIN_STRAWBERRY, SKIN_BLUEBERRY, SKIN_GRAPE, SKIN_BANANA, SKIN_KIWI, SKIN_AVOCADO, SKIN_WATERMELON,
    SKIN_PINEAPPLE, SKIN_PIT;
extern const struct skin SKIN_STEM, SKIN_LEAF, SKIN_CHINA, SKIN_BOARD;

#endif
