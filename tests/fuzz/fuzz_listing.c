// SPDX-License-Identifier: Apache-2.0
/* The _listing file of an output: what opens can be updated with today's photos, and its first photos stay as they are. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/listing_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static enum pom_status open_listing(struct pomi_listing *listing, const void *data, size_t size_bytes)
{
    struct pomi_bytes text = {0};
    struct pom_error err;
    if (pomi_bytes_append(&text, data, size_bytes, &err) != POM_OK) abort();
    return pomi_listing_from_text(listing, &text, "_listing", &err);
}

static void update(struct pomi_listing *plan, const struct pomi_listing *today)
{
    size_t n_before = plan->n_photos, n_new, n_gone;
    const char *example;
    struct pom_error err;
    if (pomi_listing_add_new(plan, today, &n_new, &n_gone, &example, &err) != POM_OK) abort();
    if (plan->n_photos != n_before + n_new) abort();
    if ((example != NULL) != (n_new + n_gone > 0)) abort();
    if (example != NULL && strlen(example) > SIZE_MAX / 2) abort(); /* reads it */
    for (size_t i = 0; i < n_new; i++)
        if (strcmp(plan->photos[n_before + i].path, today->photos[today->n_photos - 1].path) > 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static const char today_text[] = "a/1.jpg\0a\0a/2.jpg\0a\0b\0\0b/1.jpg\0b"; /* and the last terminator */
    struct pomi_listing plan, today;
    if (open_listing(&today, today_text, sizeof today_text) != POM_OK) abort();
    if (open_listing(&plan, data, size_bytes) == POM_OK) {
        update(&plan, &today);
        size_t n_photos = plan.n_photos;
        update(&plan, &today);
        if (plan.n_photos != n_photos) abort(); /* nothing is new the second time */
    }
    pomi_listing_release(&plan);
    pomi_listing_release(&today);
    return 0;
}
