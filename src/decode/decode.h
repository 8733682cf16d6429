// SPDX-License-Identifier: Apache-2.0
/* Encoded bytes to RGB pixels, byte-exact to Pillow; the public contract is in pomona/image.h. */
#ifndef POMONA_DECODE_DECODE_H
#define POMONA_DECODE_DECODE_H

#include "base/bytes.h"
#include "pomona/image.h"

enum pom_status pomi_decode(struct pom_image *image, struct pomi_view data,
                            const struct pom_decode_options *options, struct pom_error *err);

/* The most memory that a decode within these limits takes, in the image and inside the decoding libraries. */
size_t pomi_decode_max_bytes(const struct pom_decode_options *options);

#endif
