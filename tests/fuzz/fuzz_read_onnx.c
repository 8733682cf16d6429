// SPDX-License-Identifier: Apache-2.0
/* ONNX models: the protobuf walker and the walk over the graph. */
#define READER pomi_read_onnx
#include "fuzz_reader.h"
