// SPDX-License-Identifier: Apache-2.0
/*
 * Calibration: what the layers' outputs are like on photos, which is what a network's integers are chosen by.
 *
 * A calibrator runs photos through the graph in single precision, layer by layer, and gathers the lowest, highest and
 * mean output of every channel. Products and sums are rounded one by one in one order (no fused multiply-add), so the
 * same photos in the same order give the same bytes on every machine, also on those whose features differ in the last
 * digits.
 */
#ifndef POMONA_CNN_CALIBRATE_H
#define POMONA_CNN_CALIBRATE_H

#include "cnn/graph.h"

struct pomi_calibrator;

/* The graph is borrowed until the calibrator is freed. Memory: all outputs of one photo (27 MB for MobileNetV2). */
enum pom_status pomi_calibrator_new(struct pomi_calibrator **calibrator, const struct pomi_graph *graph,
                                    struct pom_error *err);
void pomi_calibrator_free(struct pomi_calibrator *calibrator); /* NULL is fine */

/* rgb[input_px][input_px][3]. Errors: NUMERIC when an output is not finite. */
enum pom_status pomi_calibrator_add(struct pomi_calibrator *calibrator, const uint8_t *rgb,
                                    struct pom_error *err);

/* Replaces the calibration of `graph`, whose layers are the calibrator's, by what was gathered. At least one photo was
 * added. */
enum pom_status pomi_calibrator_finish(const struct pomi_calibrator *calibrator, struct pomi_graph *graph,
                                       struct pom_error *err);

enum { POMI_N_CALIBRATION_IMAGES = 24 };

/* Fills rgb[input_px][input_px][3] with the built-in image `index`: shaded discs on gradients and textures, integers
 * only, the same bytes everywhere. A calibration for when there are no photos. */
void pomi_calibration_image(uint8_t *rgb, int input_px, int index);

/* Calibrates on the built-in images. */
enum pom_status pomi_calibrate_on_images(struct pomi_graph *graph, struct pom_error *err);

#endif
