// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pipeline/extraction.h"

enum pom_status pomi_plan_parts(struct pomi_extraction *extraction, struct pom_error *err)
{
    size_t part_rows = (size_t)extraction->part_rows;
    json_t *listing = json_object_get(extraction->session->manifest, "listing");
    json_t *generations = json_object_get(listing, "generations"), *count;
    size_t n_generations = json_array_size(generations), most, begin = 0, index;
    most = extraction->plan.n_photos / part_rows + n_generations + 1;
    extraction->parts = calloc(most, sizeof *extraction->parts);
    if (extraction->parts == NULL) return pomi_fail_memory(err, most * sizeof *extraction->parts, "the plan");
    json_array_foreach(generations, index, count)
    {
        size_t end = begin + (size_t)json_integer_value(count);
        for (; begin < end && extraction->n_parts < most; extraction->n_parts++) {
            size_t part_end = end - begin > part_rows ? begin + part_rows : end;
            extraction->parts[extraction->n_parts] =
                (struct pomi_part_plan){.index = (int)extraction->n_parts, .begin = begin, .end = part_end};
            begin = part_end;
        }
    }
    if (begin != extraction->plan.n_photos || extraction->n_parts > 99999)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_plan",
                         "%zu photos do not fit into at most 99999 parts of %zu rows: raise --part-rows",
                         extraction->plan.n_photos, part_rows);
    return POM_OK;
}

struct sorted_photo {
    char *text; /* the path as tables have it */
    size_t photo;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct sorted_photo *)a)->text, ((const struct sorted_photo *)b)->text);
}

/* Marks the photos of the plan that have a row in the failures table. */
static enum pom_status mark_failed(struct pomi_extraction *extraction, const struct pomi_failure_list *list,
                                   struct pom_error *err)
{
    size_t n_photos = extraction->plan.n_photos, n = 0;
    struct sorted_photo *sorted = calloc(n_photos, sizeof *sorted);
    enum pom_status status =
        sorted == NULL ? pomi_fail_memory(err, n_photos * sizeof *sorted, "the plan") : POM_OK;
    for (; status == POM_OK && n < n_photos; n++) {
        sorted[n] = (struct sorted_photo){pomi_utf8_escaped(extraction->plan.photos[n].path), n};
        if (sorted[n].text == NULL) status = pomi_fail_memory(err, 0, "the plan");
    }
    if (status == POM_OK) qsort(sorted, n_photos, sizeof *sorted, by_text);
    for (size_t i = 0; status == POM_OK && i < list->n_failures; i++) {
        struct sorted_photo key = {(char *)list->failures[i].path, 0};
        const struct sorted_photo *found = bsearch(&key, sorted, n_photos, sizeof *sorted, by_text);
        if (found != NULL) extraction->is_failed[found->photo] = true;
    }
    for (size_t i = 0; i < n; i++) free(sorted[i].text);
    free(sorted);
    return status;
}

enum pom_status pomi_read_failures(struct pomi_extraction *extraction, struct pomi_failure_list *list,
                                   struct pom_error *err)
{
    return pomi_failures_read(list, extraction->read_sink, extraction->options->output, err);
}

static int by_path(const void *key, const void *entry)
{
    return strcmp(key, ((const struct pomi_store_entry *)entry)->path);
}

/* How many rows the part's features file has; false when it is not in `there`, the files of the table, or cannot be read. */
static bool count_rows(struct pomi_extraction *extraction, const struct pomi_store_listing *there,
                       size_t part, size_t *n_rows)
{
    char *path =
        pomi_part_file(extraction->features_folder, (int)part, extraction->run_id, POMI_FORMAT_PARQUET);
    struct pomi_table_reader *reader = NULL;
    bool is_there =
        path != NULL && there->n_entries > 0 &&
        bsearch(path, there->entries, there->n_entries, sizeof *there->entries, by_path) != NULL &&
        pomi_table_open(&reader, extraction->read_sink, path, POMI_TABLE_FEATURES, "features", NULL) ==
            POM_OK;
    if (is_there) *n_rows = (size_t)pomi_table_info(reader)->n_rows;
    pomi_table_close(reader);
    free(path);
    return is_there;
}

bool pomi_part_has_work(const struct pomi_extraction *extraction, const struct pomi_part_plan *part)
{
    return !part->is_done || (extraction->options->retry_failed && part->n_failed > 0);
}

enum pom_status pomi_find_work(struct pomi_extraction *extraction, struct pom_error *err)
{
    size_t n_photos = extraction->plan.n_photos;
    extraction->is_failed = calloc(n_photos, sizeof *extraction->is_failed);
    extraction->order = calloc(n_photos, sizeof *extraction->order);
    if (extraction->is_failed == NULL || extraction->order == NULL)
        return pomi_fail_memory(err, n_photos * sizeof *extraction->order, "the plan");
    struct pomi_failure_list failures;
    POMI_TRY(pomi_read_failures(extraction, &failures, err));
    enum pom_status status = mark_failed(extraction, &failures, err);
    pomi_failure_list_release(&failures);
    POMI_TRY(status);

    struct pomi_store_listing there = {0};
    bool has_features;
    POMI_TRY(
        pomi_store_is_folder(extraction->session->store, extraction->features_folder, &has_features, err));
    if (has_features)
        POMI_TRY(pomi_store_list(extraction->session->store, extraction->features_folder, NULL, NULL, &there,
                                 err));
    for (size_t p = 0; p < extraction->n_parts; p++) {
        struct pomi_part_plan *part = &extraction->parts[p];
        size_t n_rows = 0;
        for (size_t i = part->begin; i < part->end; i++) part->n_failed += extraction->is_failed[i];
        part->is_done =
            count_rows(extraction, &there, p, &n_rows) && n_rows + part->n_failed == part->end - part->begin;
        bool retries = part->is_done && pomi_part_has_work(extraction, part);
        if (part->is_done) {
            extraction->n_done += (int64_t)n_rows + (retries ? 0 : (int64_t)part->n_failed);
            extraction->n_failed += retries ? 0 : (int64_t)part->n_failed;
        }
        for (size_t i = part->begin; i < part->end; i++)
            if (!part->is_done || (retries && extraction->is_failed[i]))
                extraction->order[extraction->n_order++] = i;
    }
    pomi_store_listing_release(&there);
    return POM_OK;
}
