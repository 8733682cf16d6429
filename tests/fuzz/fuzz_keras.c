// SPDX-License-Identifier: Apache-2.0
/* Keras' HDF5 files, in both layouts. */
#define READER pomi_read_keras
#include "fuzz_reader.h"
