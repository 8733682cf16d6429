// SPDX-License-Identifier: Apache-2.0
#ifndef POMONA_BASE_RANDOM_H
#define POMONA_BASE_RANDOM_H

#include <stdint.h>

/* A number that no other call gives, in this process or another: for names and for pauses, not for secrets. Never 0. By the
 * device, since getrandom is younger than the C libraries that the Python wheel runs on. */
uint64_t pomi_random_number(void);

#endif
