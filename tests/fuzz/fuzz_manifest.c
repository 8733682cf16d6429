// SPDX-License-Identifier: Apache-2.0
/* run.json: whatever is accepted as a manifest can be compared with settings and cut into parts that cover the plan. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/extraction.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void plan(json_t *manifest, size_t n_photos)
{
    struct pom_run_options options;
    struct pom_error err;
    pom_run_options_init(&options);
    struct pomi_session session = {.options = &options, .manifest = manifest};
    struct pomi_extraction extraction = {
        .session = &session, .options = &options, .plan = {.n_photos = n_photos}, .part_rows = 7};
    if (pomi_plan_parts(&extraction, &err) == POM_OK) {
        size_t at = 0;
        for (size_t i = 0; i < extraction.n_parts; i++) {
            const struct pomi_part_plan *part = &extraction.parts[i];
            if (part->begin != at || part->end <= part->begin || part->end - part->begin > 7) abort();
            at = part->end;
        }
        if (at != n_photos) abort();
    }
    free(extraction.parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    json_t *manifest;
    struct pom_error err;
    if (pomi_manifest_parse(&manifest, (struct pomi_view){data, size_bytes}, "run.json", &err) != POM_OK) {
        if (manifest != NULL) abort();
        return 0;
    }
    json_t *settings = json_pack("{s:s, s:i, s:b}", "network", "orchard", "part_rows", 7, "exif_rotation", 1);
    enum pom_status status = pomi_manifest_same_settings(manifest, settings, "out", &err);
    if (status != POM_OK && (status != POM_ERROR_MISMATCH || err.message[0] == '\0')) abort();
    json_decref(settings);
    for (size_t n_photos = 1; n_photos < 100; n_photos += 24) plan(manifest, n_photos);
    char *text = json_dumps(manifest, JSON_COMPACT);
    if (text == NULL) abort();
    free(text);
    json_decref(manifest);
    return 0;
}
