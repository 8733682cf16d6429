// SPDX-License-Identifier: Apache-2.0
/* Everything: photos in, vectors out. Each header it includes is its own manual. */
#ifndef POMONA_H
#define POMONA_H

#include "bench.h"
#include "features.h"
#include "image.h"
#include "network.h"
#include "pca.h"
#include "pipeline.h"
#include "s3.h"
#include "source.h"
#include "status.h"
#include "version.h"

#endif
