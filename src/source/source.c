// SPDX-License-Identifier: Apache-2.0
/*
 * The listing: which photos a run will read, in which order, under which labels. Everything that decides
 * about rows and parts later is a function of this list, so it is sorted, free of duplicates, and hashed.
 */
#include "source/source.h"

#include <fnmatch.h>
#include <regex.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/sizes.h"
#include "store/store.h"

#define LIST_FILE_MAX_BYTES ((size_t)1 << 30)
#define MANIFEST_MAX_BYTES  ((size_t)1 << 24)

static const char default_glob[] = "*.jpg *.jpeg *.png *.webp";

struct patterns {
    char *text; /* the glob, cut into words */
    const char *words[32];
    int n_words;
};

static enum pom_status read_patterns(struct patterns *patterns, const char *glob, struct pom_error *err)
{
    patterns->text = strdup(glob);
    if (patterns->text == NULL) return pomi_fail_memory(err, strlen(glob), "--glob");
    char *rest = patterns->text;
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        if (*word == '\0') continue;
        if (patterns->n_words == (int)(sizeof patterns->words / sizeof patterns->words[0]))
            return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_glob", "--glob has more than 32 patterns: %s",
                             glob);
        patterns->words[patterns->n_words++] = word;
    }
    if (patterns->n_words == 0)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_glob",
                         "--glob is empty: name at least one pattern, e.g. \"*.jpg\"");
    return POM_OK;
}

static bool name_matches(void *user, const char *path)
{
    const struct patterns *patterns = user;
    const char *slash = strrchr(path, '/');
    for (int i = 0; i < patterns->n_words; i++)
        if (fnmatch(patterns->words[i], slash != NULL ? slash + 1 : path, FNM_CASEFOLD) == 0) return true;
    return false;
}

/* --- labels --- */

enum label_rule { LABEL_PARENT, LABEL_NONE, LABEL_REGEX };

struct labels {
    enum label_rule rule;
    regex_t regex;
};

static enum pom_status read_label_rule(struct labels *labels, const char *text, struct pom_error *err)
{
    if (text == NULL || strcmp(text, "parent") == 0) {
        labels->rule = LABEL_PARENT;
        return POM_OK;
    }
    if (strcmp(text, "none") == 0) {
        labels->rule = LABEL_NONE;
        return POM_OK;
    }
    if (strncmp(text, "regex:", 6) != 0)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_label_rule",
                         "--label-from %s: expected parent, none or regex:EXPRESSION", text);
    int code = regcomp(&labels->regex, text + 6, REG_EXTENDED);
    if (code != 0) {
        char reason[128];
        regerror(code, &labels->regex, reason, sizeof reason);
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_label_rule", "--label-from %s: %s", text, reason);
    }
    labels->rule = LABEL_REGEX;
    if (labels->regex.re_nsub != 1)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_label_rule",
                         "--label-from %s: the expression needs exactly one (group), it has %zu", text,
                         labels->regex.re_nsub);
    return POM_OK;
}

/* The part of `path` that is its label: [*begin, *begin + result). */
static size_t find_label(const struct labels *labels, const char *path, const char **begin)
{
    *begin = "";
    if (labels->rule == LABEL_REGEX) {
        regmatch_t match[2];
        if (regexec(&labels->regex, path, 2, match, 0) != 0 || match[1].rm_so < 0) return 0;
        *begin = path + match[1].rm_so;
        return (size_t)(match[1].rm_eo - match[1].rm_so);
    }
    const char *name = strrchr(path, '/');
    if (labels->rule == LABEL_NONE || name == NULL) return 0;
    const char *folder = name;
    while (folder > path && folder[-1] != '/') folder--;
    *begin = folder;
    return (size_t)(name - folder);
}

/* --- outputs of runs among the photos --- */

static const char manifest_name[] = "run.json"; /* what tells a folder that is an output */

static bool is_manifest_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strcmp(slash != NULL ? slash + 1 : path, manifest_name) == 0;
}

/* Photos, and what may be the manifests of runs. */
static bool is_wanted(void *user, const char *path)
{
    return is_manifest_name(path) || name_matches(user, path);
}

/* Somebody else's run.json is no reason to leave photos out. */
static bool is_manifest(struct pomi_store *store, const char *path)
{
    static const char format[] = "\"pomona-run/";
    struct pomi_bytes text = {0};
    bool is_ours = pomi_store_read(store, path, MANIFEST_MAX_BYTES, &text, NULL) == POM_OK &&
                   memmem(text.data, text.size_bytes, format, sizeof format - 1) != NULL;
    pomi_bytes_release(&text);
    return is_ours;
}

static bool lies_in_folder_of(const char *path, const char *manifest)
{
    return strncmp(path, manifest, strlen(manifest) - strlen(manifest_name)) == 0;
}

/* Drops what lies in the outputs of runs, and all that was listed only to find these. *n_left_out counts the photos. */
static enum pom_status leave_out_outputs(struct pomi_store_listing *found, struct pomi_store *store,
                                         struct patterns *patterns, size_t *n_left_out, struct pom_error *err)
{
    size_t n_manifests = 0, n_kept = 0;
    char **manifests = calloc(found->n_entries + 1, sizeof *manifests);
    if (manifests == NULL) return pomi_fail_memory(err, found->n_entries * sizeof *manifests, "the listing");
    for (size_t i = 0; i < found->n_entries; i++) {
        char *path = found->entries[i].path;
        if (!is_manifest_name(path) || !is_manifest(store, path)) continue;
        manifests[n_manifests++] = path;
        found->entries[i].path = NULL;
    }
    for (size_t i = 0; i < found->n_entries; i++) {
        char *path = found->entries[i].path;
        if (path == NULL) continue;
        bool is_photo = name_matches(patterns, path), is_inside = false;
        for (size_t m = 0; m < n_manifests && !is_inside; m++)
            is_inside = lies_in_folder_of(path, manifests[m]);
        *n_left_out += is_photo && is_inside;
        if (is_photo && !is_inside)
            found->entries[n_kept++] = found->entries[i];
        else
            free(path);
    }
    found->n_entries = n_kept;
    for (size_t m = 0; m < n_manifests; m++) free(manifests[m]);
    free(manifests);
    return POM_OK;
}

/* --- from the three kinds of source to sorted paths --- */

static enum pom_status list_one(struct pomi_store_listing *found, const char *path, struct pom_error *err)
{
    found->entries = calloc(1, sizeof *found->entries);
    if (found->entries == NULL || (found->entries[0].path = strdup(path)) == NULL)
        return pomi_fail_memory(err, strlen(path), "the listing");
    found->entries[0].size_bytes = -1;
    found->n_entries = 1;
    return POM_OK;
}

/* One path a line, as the user could open it from the current folder; empty lines are passed over. */
static enum pom_status list_lines(struct pomi_store_listing *found, struct pomi_view text, const char *name,
                                  struct pom_error *err)
{
    if (text.size_bytes > 0 && memchr(text.data, '\0', text.size_bytes) != NULL)
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_list_file",
                         "%s holds a zero byte: a list file is text, one path a line", name);
    size_t n_lines = 1; /* the last one may be without an end */
    for (size_t i = 0; i < text.size_bytes; i++) n_lines += text.data[i] == '\n';
    found->entries = calloc(n_lines, sizeof *found->entries);
    if (found->entries == NULL) return pomi_fail_memory(err, n_lines * sizeof *found->entries, "the listing");
    for (size_t begin = 0; begin < text.size_bytes;) {
        const uint8_t *line = text.data + begin, *end = memchr(line, '\n', text.size_bytes - begin);
        size_t length = end != NULL ? (size_t)(end - line) : text.size_bytes - begin;
        begin += length + 1;
        if (length > 0 && line[length - 1] == '\r') length--;
        if (length == 0) continue;
        char *copy = strndup((const char *)line, length);
        if (copy == NULL) return pomi_fail_memory(err, length, "the listing");
        found->entries[found->n_entries++] = (struct pomi_store_entry){copy, -1};
    }
    return POM_OK;
}

static enum pom_status list_file(struct pomi_store_listing *found, struct pomi_store *store, const char *path,
                                 struct pom_error *err)
{
    struct pomi_bytes text = {0};
    enum pom_status status = pomi_store_read(store, path, LIST_FILE_MAX_BYTES, &text, err);
    if (status == POM_OK) status = list_lines(found, pomi_bytes_view(&text), path, err);
    pomi_bytes_release(&text);
    return status;
}

static enum pom_status find_photos(struct pomi_store_listing *found,
                                   const struct pomi_source_options *options, size_t *n_left_out,
                                   struct pom_error *err)
{
    const char *source = options->source;
    bool is_folder, is_file;
    if (source[0] == '@') return list_file(found, options->store, source + 1, err);
    /* The folder is asked for first: on S3, what may list a folder need not be allowed to look at an object of its name. */
    POMI_TRY(pomi_store_is_folder(options->store, source, &is_folder, err));
    if (!is_folder) {
        POMI_TRY(pomi_store_is_file(options->store, source, &is_file, err));
        if (is_file) return list_one(found, source, err);
        return pomi_fail(err, POM_ERROR_NOT_FOUND, "not_found", "the source %s is not there", source);
    }
    struct patterns patterns = {0};
    enum pom_status status =
        read_patterns(&patterns, options->glob != NULL ? options->glob : default_glob, err);
    if (status == POM_OK) status = pomi_store_list(options->store, source, is_wanted, &patterns, found, err);
    if (status == POM_OK) status = leave_out_outputs(found, options->store, &patterns, n_left_out, err);
    free(patterns.text);
    return status;
}

static void sort_and_drop_duplicates(struct pomi_store_listing *found)
{
    if (found->n_entries == 0) return;
    pomi_store_listing_sort(found);
    size_t n_kept = 1;
    for (size_t i = 1; i < found->n_entries; i++) {
        if (strcmp(found->entries[i].path, found->entries[n_kept - 1].path) == 0)
            free(found->entries[i].path);
        else
            found->entries[n_kept++] = found->entries[i];
    }
    found->n_entries = n_kept;
}

/* Paths and labels go one after the other into one block of text, which is also what is hashed: the
 * terminators keep neighbours apart. */
static enum pom_status fill_listing(struct pomi_listing *listing, const struct pomi_store_listing *found,
                                    const struct labels *labels, struct pom_error *err)
{
    size_t text_bytes = 0;
    for (size_t i = 0; i < found->n_entries; i++) {
        const char *label;
        size_t label_bytes = find_label(labels, found->entries[i].path, &label), needed;
        needed = strlen(found->entries[i].path) + label_bytes + 2;
        if (!pomi_size_add(text_bytes, needed, &text_bytes))
            return pomi_fail_memory(err, SIZE_MAX, "the listing");
    }
    char *text = malloc(text_bytes);
    listing->photos = calloc(found->n_entries, sizeof *listing->photos);
    listing->memory = text;
    if (text == NULL || listing->photos == NULL) return pomi_fail_memory(err, text_bytes, "the listing");
    for (size_t i = 0; i < found->n_entries; i++) {
        const char *label;
        size_t label_bytes = find_label(labels, found->entries[i].path, &label);
        size_t path_bytes = strlen(found->entries[i].path);
        listing->photos[i].size_bytes = found->entries[i].size_bytes;
        listing->photos[i].path = memcpy(text, found->entries[i].path, path_bytes + 1);
        text += path_bytes + 1;
        listing->photos[i].label = memcpy(text, label, label_bytes);
        text[label_bytes] = '\0';
        text += label_bytes + 1;
    }
    listing->n_photos = found->n_entries;
    pomi_sha256_text(listing->memory, text_bytes, listing->hash);
    return POM_OK;
}

/* Makes the listing of what was found, or, when `status` is a failure to find it, passes that on. Takes `found`. */
static enum pom_status make_listing(struct pomi_listing *listing, struct pomi_store_listing *found,
                                    const struct labels *labels, const struct pomi_source_options *options,
                                    enum pom_status status, struct pom_error *err)
{
    if (status == POM_OK && found->n_entries == 0)
        status = pomi_fail(err, POM_ERROR_ARGUMENT, "no_photos", "%s has no photo that matches %s%s",
                           options->source,
                           options->source[0] == '@' ? "(the list is empty)"
                           : options->glob != NULL   ? options->glob
                                                     : default_glob,
                           listing->n_left_out > 0 ? " (what lies in the output of a run is left out)" : "");
    if (status == POM_OK) {
        sort_and_drop_duplicates(found);
        status = fill_listing(listing, found, labels, err);
    }
    pomi_store_listing_release(found);
    if (status != POM_OK) pomi_listing_release(listing);
    return status;
}

static void labels_release(struct labels *labels)
{
    if (labels->rule == LABEL_REGEX) regfree(&labels->regex);
}

enum pom_status pomi_source_list(struct pomi_listing *listing, const struct pomi_source_options *options,
                                 struct pom_error *err)
{
    *listing = (struct pomi_listing){0};
    struct pomi_store_listing found = {0};
    struct labels labels = {0};
    enum pom_status status = read_label_rule(&labels, options->label_from, err);
    if (status == POM_OK) status = find_photos(&found, options, &listing->n_left_out, err);
    status = make_listing(listing, &found, &labels, options, status, err);
    labels_release(&labels);
    return status;
}

enum pom_status pomi_source_list_text(struct pomi_listing *listing, struct pomi_view text,
                                      const struct pomi_source_options *options, struct pom_error *err)
{
    *listing = (struct pomi_listing){0};
    struct pomi_store_listing found = {0};
    struct labels labels = {0};
    enum pom_status status = read_label_rule(&labels, options->label_from, err);
    if (status == POM_OK) status = list_lines(&found, text, options->source, err);
    status = make_listing(listing, &found, &labels, options, status, err);
    labels_release(&labels);
    return status;
}

void pomi_listing_release(struct pomi_listing *listing)
{
    free(listing->photos);
    free(listing->memory);
    *listing = (struct pomi_listing){0};
}
