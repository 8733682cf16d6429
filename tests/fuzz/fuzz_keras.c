// SPDX-License-Identifier: Apache-2.0
/* Keras' HDF5 files. What HDF5's own library does with them is part of what is tested: docs/networks.md says how
 * it is fenced in. */
#define READER pomi_read_keras
#include "fuzz_reader.h"
