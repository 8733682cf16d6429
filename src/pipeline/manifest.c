// SPDX-License-Identifier: Apache-2.0
#include "pipeline/manifest.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/text.h"
#include "store/store.h"

#define MANIFEST_MAX_BYTES ((size_t)64 << 20)

enum pom_status pomi_manifest_parse(json_t **manifest, struct pomi_view text, const char *name,
                                    struct pom_error *err)
{
    json_error_t where = {0};
    json_t *root = json_loadb((const char *)text.data, text.size_bytes, 0, &where);
    const char *format = json_string_value(json_object_get(root, "format"));
    bool is_ours = format != NULL && strcmp(format, POMI_MANIFEST_FORMAT) == 0;
    *manifest = is_ours ? root : NULL;
    if (is_ours) return POM_OK;
    if (pomi_json_out_of_memory(root, &where)) return pomi_fail_memory(err, text.size_bytes, "the manifest");
    json_decref(root);
    return pomi_fail(err, POM_ERROR_FORMAT, "not_a_manifest",
                     "%s is not a manifest of this version of pomona (format " POMI_MANIFEST_FORMAT ")",
                     name);
}

enum pom_status pomi_manifest_read(json_t **manifest, struct pomi_store *store, const char *output,
                                   struct pom_error *err)
{
    *manifest = NULL;
    char *path = pomi_store_join(output, "run.json");
    if (path == NULL) return pomi_fail_memory(err, strlen(output), "a file name");
    struct pomi_bytes text = {0};
    bool is_there;
    enum pom_status status = pomi_store_is_file(store, path, &is_there, err);
    if (status == POM_OK && !is_there)
        status = pomi_fail(err, POM_ERROR_NOT_FOUND, "not_found", "there is no %s", path);
    if (status == POM_OK) status = pomi_store_read(store, path, MANIFEST_MAX_BYTES, &text, err);
    if (status == POM_OK) status = pomi_manifest_parse(manifest, pomi_bytes_view(&text), path, err);
    pomi_bytes_release(&text);
    free(path);
    return status;
}

enum pom_status pomi_manifest_write(const json_t *manifest, struct pomi_store *store, const char *output,
                                    struct pom_error *err)
{
    char *path = pomi_store_join(output, "run.json");
    char *text = json_dumps(manifest, JSON_INDENT(2));
    enum pom_status status =
        path == NULL || text == NULL
            ? pomi_fail_memory(err, 0, "the manifest")
            : pomi_store_write(store, path, (struct pomi_view){(const uint8_t *)text, strlen(text)}, err);
    free(text);
    free(path);
    return status;
}

static char *as_text(const json_t *value)
{
    return value == NULL ? strdup("nothing")
                         : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
}

enum pom_status pomi_manifest_same_settings(const json_t *manifest, const json_t *settings,
                                            const char *output, struct pom_error *err)
{
    json_t *earlier = json_object_get(manifest, "settings");
    const char *name;
    json_t *today;
    json_object_foreach((json_t *)settings, name, today)
    {
        json_t *before = json_object_get(earlier, name);
        if (before != NULL && json_equal(before, today)) continue;
        char *was = as_text(before), *is = as_text(today);
        pomi_fail(err, POM_ERROR_MISMATCH, "other_settings",
                  "%s was made with %s %s, and this run has %s: use the same settings, --overwrite, or "
                  "another output",
                  output, name, was != NULL ? was : "?", is != NULL ? is : "?");
        free(was);
        free(is);
        return POM_ERROR_MISMATCH;
    }
    return POM_OK;
}

json_t *pomi_manifest_text(const char *text)
{
    char *escaped = pomi_utf8_escaped(text != NULL ? text : "");
    json_t *value = escaped != NULL ? json_string(escaped) : NULL;
    free(escaped);
    return value;
}

json_t *pomi_manifest_now(void)
{
    char text[32];
    struct tm utc;
    time_t now = time(NULL);
    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return json_string(text);
}
