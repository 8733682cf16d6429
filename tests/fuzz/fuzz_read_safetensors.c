// SPDX-License-Identifier: Apache-2.0
/* PyTorch weights: names, shapes and folding. */
#define READER pomi_read_safetensors
#include "fuzz_reader.h"
