// SPDX-License-Identifier: Apache-2.0
/* What decides the bytes of a part: the settings, as the manifest has them, and what is made from them before the first photo. */
#include <stdlib.h>

#include "base/error.h"
#include "pipeline/extraction.h"

static const char *const precision_names[] = {"fp32", "int16", "int8"};

json_t *pomi_extraction_settings(const struct pomi_extraction *extraction)
{
    static const char *const filters[] = {"nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"};
    static const char *const fits[] = {"stretch", "crop", "pad"};
    const struct pom_run_options *options = extraction->options;
    const struct pom_network_info *network = pom_network_info(extraction->network);
    return json_pack("{s:o, s:o, s:s, s:s, s:s, s:s, s:b, s:I, s:i, s:I, s:i, s:o, s:i}", "network",
                     pomi_manifest_text(network->name), "network_identity", json_string(network->identity),
                     "precision", precision_names[options->precision], "calibration",
                     options->precision == POM_PRECISION_FP32 ? "" : network->calibration, "filter",
                     filters[options->resize.filter], "fit", fits[options->resize.fit], "exif_rotation",
                     options->decode.ignore_exif_rotation == 0, "max_pixels",
                     (json_int_t)options->decode.max_pixels, "max_progressive_scans",
                     options->decode.max_progressive_scans, "max_file_bytes",
                     (json_int_t)options->max_file_bytes, "part_rows", extraction->part_rows, "label_from",
                     pomi_manifest_text(options->label_from != NULL ? options->label_from : "parent"),
                     "formats", (int)extraction->formats);
}

/*
 * What made the features, for the tables and for whoever must not mix them: the network, and in integers the precision
 * and the calibration too.
 */
static void name_features(struct pomi_extraction *extraction)
{
    const struct pom_network_info *network = pom_network_info(extraction->network);
    const char *precision = precision_names[extraction->options->precision];
    const bool is_exact = extraction->options->precision == POM_PRECISION_FP32;
    snprintf(extraction->features_name, sizeof extraction->features_name, is_exact ? "%s" : "%s %s",
             network->name, precision);
    snprintf(extraction->features_identity, sizeof extraction->features_identity,
             is_exact ? "%s" : "%s+%s+%.12s", network->identity, precision, network->calibration);
}

enum pom_status pomi_extraction_prepare(struct pomi_extraction *extraction, struct pom_error *err)
{
    const struct pom_run_options *options = extraction->options;
    struct pom_extractor_options extractor_options;
    pom_extractor_options_init(&extractor_options);
    extractor_options.decode = options->decode;
    extractor_options.resize = options->resize;
    extractor_options.max_file_bytes = options->max_file_bytes;
    extractor_options.cpu = options->cpu;
    extractor_options.precision = (enum pom_precision)options->precision;

    POMI_TRY(pomi_formats_parse(options->formats, &extraction->formats, err));
    POMI_TRY(pom_extractor_new(&extraction->prototype, extraction->network, &extractor_options, err));
    name_features(extraction);
    extraction->features_folder = pomi_store_join(options->output, "features");
    extraction->failures_folder = pomi_store_join(options->output, "failures");
    if (extraction->features_folder == NULL || extraction->failures_folder == NULL)
        return pomi_fail_memory(err, 0, "a file name");
    return POM_OK;
}

void pomi_extraction_release(struct pomi_extraction *extraction)
{
    pomi_sink_free(extraction->sink);
    pomi_sink_free(extraction->read_sink);
    pom_extractor_free(extraction->prototype);
    pomi_listing_release(&extraction->plan);
    free(extraction->parts);
    free(extraction->is_failed);
    free(extraction->order);
    free(extraction->features_folder);
    free(extraction->failures_folder);
}
