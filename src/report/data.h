// SPDX-License-Identifier: Apache-2.0
/*
 * The page's data: one JSON text, and blocks of numbers and images as base64, each an element of its own that
 * the browser does not run:
 *
 *     <script type="application/json" id="report">{...}</script>
 *     <script type="application/octet-stream" id="components">...</script>
 *
 * | block            | content, little-endian                                                   |
 * | components       | int16 [component][point]; value = stored * report.points.scales[component] |
 * | point-labels     | uint32 [point], index into report.labels                                  |
 * | point-folders    | uint32 [point], index into report.folders; the path is folder + name      |
 * | thumbnail-points | uint32 [thumbnail], the point it shows; rising                            |
 * | thumbnail-sizes  | uint8 [thumbnail][width, height] in its tile                              |
 * | sheet-0, ...     | JPEG, tiles as thumbnails.h lays them out                                 |
 *
 * No text of the report is ever HTML: outside text is only in the JSON, where < > & and what is not printable
 * are escaped, so that no file name can end the element, and the page puts it into the document as text.
 */
#ifndef POMONA_REPORT_DATA_H
#define POMONA_REPORT_DATA_H

#include "report/labels.h"

/* Appends all elements. */
enum pom_status pomi_report_data(struct pomi_bytes *html, const struct pomi_report *report,
                                 const struct pomi_labels *labels, struct pom_error *err);

/* Appends `text` as a JSON string with quotes; bytes that are not UTF-8 become a visible \xNN. NULL is "". */
enum pom_status pomi_report_json_text(struct pomi_bytes *json, const char *text, struct pom_error *err);

/* Appends `n` values, `stride` floats apart, as int16 such that value = stored * *scale up to rounding.
 * Values that are not finite become 0. */
enum pom_status pomi_report_quantise(struct pomi_bytes *block, double *scale, const float *values, size_t n,
                                     size_t stride, struct pom_error *err);

#endif
