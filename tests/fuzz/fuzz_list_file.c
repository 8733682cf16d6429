// SPDX-License-Identifier: Apache-2.0
/* List files: whatever is accepted is sorted, without duplicates, and made of lines of the file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "source/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check(const struct pomi_listing *listing, const uint8_t *data, size_t size_bytes)
{
    if (listing->n_photos == 0 || strlen(listing->hash) != 64) abort();
    for (size_t i = 0; i < listing->n_photos; i++) {
        const char *path = listing->photos[i].path, *label = listing->photos[i].label;
        if (path[0] == '\0' || strchr(path, '\n') != NULL) abort();
        if (i > 0 && strcmp(listing->photos[i - 1].path, path) >= 0) abort();
        if (strstr(path, label) == NULL) abort();
        if (memmem(data, size_bytes, path, strlen(path)) == NULL) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static const char *const rules[] = {"parent", "none", "regex:/([^/]*)[0-9]", "regex:(.+)+\\.jpg$"};
    struct pomi_view text = {data, size_bytes};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct pomi_source_options options = {.source = "@list.txt", .label_from = rules[i]};
        struct pomi_listing listing;
        struct pom_error err;
        if (pomi_source_list_text(&listing, text, &options, &err) == POM_OK)
            check(&listing, data, size_bytes);
        else if (listing.photos != NULL || err.message[0] == '\0')
            abort();
        pomi_listing_release(&listing);
    }
    return 0;
}
