// SPDX-License-Identifier: Apache-2.0
/*
 * The one thing read from a photo's metadata: which way up it is. Nothing else of EXIF or XMP is looked at,
 * kept or passed on.
 */
#ifndef POMONA_DECODE_EXIF_H
#define POMONA_DECODE_EXIF_H

#include "base/bytes.h"

/*
 * The orientation, 1 to 8, as Pillow's ImageOps.exif_transpose finds it: the tag in EXIF's first directory
 * or, only when EXIF has no such tag, tiff:Orientation in XMP. 1 when neither says anything usable. `exif`
 * may begin with "Exif\0\0"; both may be empty.
 */
int pomi_exif_orientation(struct pomi_view exif, struct pomi_view xmp);

#endif
