// SPDX-License-Identifier: Apache-2.0
/* The public functions of pomona/source.h: a store of their own, and source/ and store/ for the work. */
#include "pomona/source.h"

#include <stdlib.h>

#include "base/error.h"
#include "source/source.h"
#include "store/read_ahead.h"

#define DEFAULT_MAX_FILE_BYTES ((int64_t)256 << 20)

void pom_source_options_init(struct pom_source_options *options)
{
    *options = (struct pom_source_options){0};
}

/* --- listing --- */

struct pom_listing {
    struct pomi_listing photos;
};

enum pom_status pom_listing_new(struct pom_listing **listing, const struct pom_source_options *options,
                                struct pom_error *err)
{
    if (listing == NULL || options == NULL || options->source == NULL || options->source[0] == '\0')
        return pomi_fail(err, POM_ERROR_ARGUMENT, "missing", "the source of the photos is missing");
    *listing = NULL;
    struct pom_listing *made = calloc(1, sizeof *made);
    struct pomi_store *store = NULL;
    enum pom_status status = made == NULL ? pomi_fail_memory(err, sizeof *made, "a listing")
                                          : pomi_store_new(&store, &options->s3, err);
    if (status == POM_OK) {
        const struct pomi_source_options source = {store, options->source, options->glob,
                                                   options->label_from};
        status = pomi_source_list(&made->photos, &source, err);
    }
    pomi_store_free(store);
    if (status == POM_OK)
        *listing = made;
    else
        free(made);
    return status;
}

void pom_listing_free(struct pom_listing *listing)
{
    if (listing == NULL) return;
    pomi_listing_release(&listing->photos);
    free(listing);
}

size_t pom_listing_count(const struct pom_listing *listing)
{
    return listing->photos.n_photos;
}

const struct pom_photo *pom_listing_photos(const struct pom_listing *listing)
{
    return listing->photos.photos;
}

/* --- fetching --- */

struct pom_fetch {
    const struct pom_photo *photos;
    size_t n_photos;
    struct pomi_store *store;
    struct pomi_read_ahead *ahead;
};

static struct pomi_wanted_file wanted_at(const void *user, size_t index)
{
    const struct pom_fetch *fetch = user;
    return (struct pomi_wanted_file){fetch->photos[index].path, fetch->photos[index].size_bytes};
}

enum pom_status pom_fetch_new(struct pom_fetch **fetch, const struct pom_photo *photos, size_t n_photos,
                              int64_t max_file_bytes, const struct pom_s3_options *s3, struct pom_error *err)
{
    if (fetch == NULL || (photos == NULL && n_photos > 0) || max_file_bytes < 0)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "pom_fetch_new needs photos to fetch");
    *fetch = NULL;
    struct pom_fetch *made = calloc(1, sizeof *made);
    if (made == NULL) return pomi_fail_memory(err, sizeof *made, "fetching photos");
    made->photos = photos;
    made->n_photos = n_photos;
    if (max_file_bytes == 0) max_file_bytes = DEFAULT_MAX_FILE_BYTES;
    enum pom_status status = pomi_store_new(&made->store, s3, err);
    if (status == POM_OK)
        status = pomi_read_ahead_new(&made->ahead, made->store, wanted_at, made, n_photos,
                                     (size_t)max_file_bytes, err);
    if (status == POM_OK)
        *fetch = made;
    else
        pom_fetch_free(made);
    return status;
}

void pom_fetch_free(struct pom_fetch *fetch)
{
    if (fetch == NULL) return;
    pomi_read_ahead_free(fetch->ahead);
    pomi_store_free(fetch->store);
    free(fetch);
}

enum pom_status pom_fetch_take(struct pom_fetch *fetch, size_t index, void **data, size_t *size_bytes,
                               struct pom_error *err)
{
    if (index >= fetch->n_photos)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "photo %zu of %zu", index, fetch->n_photos);
    struct pomi_bytes bytes = {0};
    POMI_TRY(pomi_read_ahead_take(fetch->ahead, index, &bytes, err));
    *data = bytes.data;
    *size_bytes = bytes.size_bytes;
    return POM_OK;
}

int pom_failure_is_general(const char *path, const struct pom_error *err)
{
    return pomi_store_failure_is_general(path, err);
}
