// SPDX-License-Identifier: Apache-2.0
#include "pipeline/listing_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "store/store.h"

#define LISTING_MAX_BYTES ((size_t)16 << 30)

enum pom_status pomi_listing_from_text(struct pomi_listing *listing, struct pomi_bytes *owned,
                                       const char *name, struct pom_error *err)
{
    const char *text = (const char *)owned->data;
    size_t text_bytes = owned->size_bytes;
    *listing = (struct pomi_listing){.memory = owned->data};
    *owned = (struct pomi_bytes){0};
    size_t n_texts = 0;
    for (size_t i = 0; i < text_bytes; i++) n_texts += text[i] == '\0';
    if (text_bytes == 0 || n_texts % 2 != 0 || text[text_bytes - 1] != '\0')
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_listing", "%s is damaged: start again with --overwrite",
                         name);
    listing->photos = calloc(n_texts / 2, sizeof *listing->photos);
    if (listing->photos == NULL)
        return pomi_fail_memory(err, n_texts * sizeof *listing->photos, "the listing");
    listing->n_photos = n_texts / 2;
    const char *at = text;
    for (size_t i = 0; i < listing->n_photos; i++) {
        listing->photos[i].size_bytes = -1;
        listing->photos[i].path = at;
        at += strlen(at) + 1;
        listing->photos[i].label = at;
        at += strlen(at) + 1;
    }
    pomi_sha256_text(text, text_bytes, listing->hash);
    return POM_OK;
}

enum pom_status pomi_listing_add_text(struct pomi_bytes *text, const struct pom_photo *photo,
                                      struct pom_error *err)
{
    POMI_TRY(pomi_bytes_append(text, photo->path, strlen(photo->path) + 1, err));
    return pomi_bytes_append(text, photo->label, strlen(photo->label) + 1, err);
}

enum pom_status pomi_listing_file_read(struct pomi_listing *listing, struct pomi_store *store,
                                       const char *output, struct pom_error *err)
{
    *listing = (struct pomi_listing){0};
    char *path = pomi_store_join(output, "_listing");
    if (path == NULL) return pomi_fail_memory(err, strlen(output), "a file name");
    struct pomi_bytes text = {0};
    enum pom_status status = pomi_store_read(store, path, LISTING_MAX_BYTES, &text, err);
    if (status == POM_OK)
        status = pomi_listing_from_text(listing, &text, path, err);
    else
        pomi_bytes_release(&text);
    if (status != POM_OK) pomi_listing_release(listing);
    free(path);
    return status;
}

enum pom_status pomi_listing_file_write(const struct pomi_listing *listing, struct pomi_store *store,
                                        const char *output, struct pom_error *err)
{
    char *path = pomi_store_join(output, "_listing");
    if (path == NULL) return pomi_fail_memory(err, strlen(output), "a file name");
    struct pomi_bytes text = {0};
    enum pom_status status = POM_OK;
    for (size_t i = 0; status == POM_OK && i < listing->n_photos; i++)
        status = pomi_listing_add_text(&text, &listing->photos[i], err);
    if (status == POM_OK) status = pomi_store_write(store, path, pomi_bytes_view(&text), err);
    pomi_bytes_release(&text);
    free(path);
    return status;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct pom_photo *)a)->path, ((const struct pom_photo *)b)->path);
}

enum pom_status pomi_listing_add_new(struct pomi_listing *listing, const struct pomi_listing *today,
                                     size_t *n_new, size_t *n_gone, const char **first_difference,
                                     struct pom_error *err)
{
    *n_new = *n_gone = 0;
    *first_difference = NULL;
    size_t n_known = listing->n_photos;
    struct pom_photo *known = malloc((n_known > 0 ? n_known : 1) * sizeof *known);
    if (known == NULL) return pomi_fail_memory(err, n_known * sizeof *known, "the listing");
    memcpy(known, listing->photos, n_known * sizeof *known);
    qsort(known, n_known, sizeof *known, by_path);

    struct pomi_bytes text = {0};
    enum pom_status status = POM_OK;
    for (size_t i = 0; status == POM_OK && i < n_known; i++)
        status = pomi_listing_add_text(&text, &listing->photos[i], err);
    size_t old = 0;
    for (size_t i = 0; status == POM_OK && i < today->n_photos; i++) { /* both sorted by path: one merge */
        while (old < n_known && strcmp(known[old].path, today->photos[i].path) < 0) {
            if ((*n_gone)++ == 0 && *first_difference == NULL) *first_difference = known[old].path;
            old++;
        }
        if (old < n_known && strcmp(known[old].path, today->photos[i].path) == 0) {
            old++;
            continue;
        }
        if ((*n_new)++ == 0 && *first_difference == NULL) *first_difference = today->photos[i].path;
        status = pomi_listing_add_text(&text, &today->photos[i], err);
    }
    if (old < n_known && *first_difference == NULL) *first_difference = known[old].path;
    *n_gone += n_known - old;
    free(known);
    if (status != POM_OK || *n_new == 0) {
        pomi_bytes_release(&text);
        return status;
    }
    /* The example may point into the old text: find its twin in the new one. */
    struct pomi_listing joined;
    status = pomi_listing_from_text(&joined, &text, "the listing", err);
    if (status != POM_OK) {
        pomi_listing_release(&joined);
        return status;
    }
    for (size_t i = 0; i < joined.n_photos; i++) {
        if (strcmp(joined.photos[i].path, *first_difference) != 0) continue;
        *first_difference = joined.photos[i].path;
        break;
    }
    pomi_listing_release(listing);
    *listing = joined;
    return POM_OK;
}
