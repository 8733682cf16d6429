// SPDX-License-Identifier: Apache-2.0
#include "s3/config_files.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

#define MAX_FILE_BYTES ((size_t)1 << 20)

struct setting {
    enum pomi_aws_place place;
    char *section;
    char *name; /* in lower case; NULL: the section itself */
    char *value;
};

struct pomi_aws_files {
    struct setting *settings;
    size_t n_settings, capacity;
};

/* What the parser is in the middle of. */
struct parser {
    struct pomi_aws_files *files;
    const char *file;
    bool is_credentials;
    int line;
    bool has_section; /* before the first, settings are an error */
    bool is_ignored;  /* a section that is none of ours */
    enum pomi_aws_place place;
    char section[256];
    size_t current; /* index of the setting whose value may go on; SIZE_MAX: none */
    char group[128];
};

enum pom_status pomi_aws_files_new(struct pomi_aws_files **files, struct pom_error *err)
{
    *files = calloc(1, sizeof **files);
    return *files != NULL ? POM_OK : pomi_fail_memory(err, sizeof **files, "configuration files");
}

static void free_text(char *text)
{
    if (text != NULL) pomi_wipe(text, strlen(text));
    free(text);
}

void pomi_aws_files_free(struct pomi_aws_files *files)
{
    if (files == NULL) return;
    for (size_t i = 0; i < files->n_settings; i++) {
        free(files->settings[i].section);
        free(files->settings[i].name);
        free_text(files->settings[i].value);
    }
    free(files->settings);
    free(files);
}

static enum pom_status add(struct parser *parser, const char *name, const char *value, struct pom_error *err)
{
    struct pomi_aws_files *files = parser->files;
    if (files->n_settings == files->capacity) {
        size_t capacity = files->capacity * 2 + 32;
        struct setting *more = realloc(files->settings, capacity * sizeof *more);
        if (more == NULL) return pomi_fail_memory(err, capacity * sizeof *more, "configuration files");
        files->settings = more;
        files->capacity = capacity;
    }
    struct setting *setting = &files->settings[files->n_settings];
    *setting = (struct setting){parser->place, strdup(parser->section), name != NULL ? strdup(name) : NULL,
                                value != NULL ? strdup(value) : NULL};
    files->n_settings++;
    if (setting->section == NULL || (name != NULL && setting->name == NULL) ||
        (value != NULL && setting->value == NULL))
        return pomi_fail_memory(err, 0, "configuration files");
    for (char *c = setting->name; c != NULL && *c != '\0'; c++) *c = (char)tolower((unsigned char)*c);
    return POM_OK;
}

static char *trimmed(char *text)
{
    while (isspace((unsigned char)*text)) text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1])) end--;
    *end = '\0';
    return text;
}

/* Without the quotes that a profile's name with spaces has. */
static char *unquoted(char *text)
{
    size_t length = strlen(text);
    if (length >= 2 && (text[0] == '"' || text[0] == '\'') && text[length - 1] == text[0]) {
        text[length - 1] = '\0';
        return trimmed(text + 1);
    }
    return text;
}

static enum pom_status fail_line(const struct parser *parser, struct pom_error *err, const char *what)
{
    /* Never the line itself: it may hold a secret. */
    return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_option", "%s, line %d: %s", parser->file, parser->line,
                     what);
}

static enum pom_status begin_section(struct parser *parser, char *line, struct pom_error *err)
{
    char *end = strchr(line, ']');
    if (end == NULL) return fail_line(parser, err, "a section that does not end with \"]\"");
    *end = '\0';
    char *name = trimmed(line + 1);
    parser->has_section = true;
    parser->is_ignored = false;
    parser->current = SIZE_MAX;
    parser->place = parser->is_credentials ? POMI_AWS_CREDENTIALS : POMI_AWS_CONFIG;
    if (!parser->is_credentials) {
        if (strncmp(name, "profile", 7) == 0 && isspace((unsigned char)name[7])) {
            name = unquoted(trimmed(name + 8));
        } else if (strncmp(name, "services", 8) == 0 && isspace((unsigned char)name[8])) {
            name = unquoted(trimmed(name + 9));
            parser->place = POMI_AWS_SERVICES;
        } else if (strcmp(name, "default") != 0) {
            parser->is_ignored = true;
        }
    }
    if (strlen(name) >= sizeof parser->section)
        return fail_line(parser, err, "the name of a section is too long");
    snprintf(parser->section, sizeof parser->section, "%s", name);
    return parser->is_ignored ? POM_OK : add(parser, NULL, NULL, err);
}

static enum pom_status continue_value(struct parser *parser, char *line, struct pom_error *err)
{
    struct setting *setting = &parser->files->settings[parser->current];
    if (parser->group[0] != '\0') {
        char *equals = strchr(line, '='), name[256];
        if (equals == NULL) return fail_line(parser, err, "neither a setting nor a section");
        *equals = '\0';
        snprintf(name, sizeof name, "%s.%s", parser->group, trimmed(line));
        return add(parser, name, trimmed(equals + 1), err);
    }
    size_t longer_bytes = strlen(setting->value) + strlen(line) + 2;
    char *longer = malloc(longer_bytes);
    if (longer == NULL) return pomi_fail_memory(err, longer_bytes, "configuration files");
    snprintf(longer, longer_bytes, "%s\n%s", setting->value, trimmed(line));
    free_text(setting->value);
    setting->value = longer;
    return POM_OK;
}

static enum pom_status add_setting(struct parser *parser, char *line, struct pom_error *err)
{
    char *equals = line + strcspn(line, "=:");
    if (*equals == '\0') return fail_line(parser, err, "neither a setting nor a section");
    *equals = '\0';
    char *name = trimmed(line), *value = trimmed(equals + 1);
    parser->group[0] = '\0';
    if (value[0] == '\0' && strlen(name) < sizeof parser->group)
        snprintf(parser->group, sizeof parser->group, "%s", name);
    POMI_TRY(add(parser, name, value, err));
    parser->current = parser->files->n_settings - 1;
    return POM_OK;
}

static enum pom_status parse_line(struct parser *parser, char *line, struct pom_error *err)
{
    bool is_indented = line[0] == ' ' || line[0] == '\t';
    char *text = trimmed(line);
    if (text[0] == '\0' || text[0] == '#' || text[0] == ';') return POM_OK;
    if (is_indented && parser->current != SIZE_MAX)
        return parser->is_ignored ? POM_OK : continue_value(parser, text, err);
    if (text[0] == '[') return begin_section(parser, text, err);
    if (!parser->has_section) return fail_line(parser, err, "a setting before the first section");
    return parser->is_ignored ? POM_OK : add_setting(parser, text, err);
}

enum pom_status pomi_aws_files_add(struct pomi_aws_files *files, struct pomi_view text, bool is_credentials,
                                   const char *name, struct pom_error *err)
{
    struct parser parser = {
        .files = files, .file = name, .is_credentials = is_credentials, .current = SIZE_MAX};
    if (text.size_bytes > MAX_FILE_BYTES)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_option", "%s is larger than 1 MiB", name);
    char *copy = malloc(text.size_bytes + 1), *rest = copy;
    if (copy == NULL) return pomi_fail_memory(err, text.size_bytes, "configuration files");
    if (text.size_bytes > 0) memcpy(copy, text.data, text.size_bytes);
    copy[text.size_bytes] = '\0';
    if (strncmp(rest, "\xEF\xBB\xBF", 3) == 0) rest += 3;
    enum pom_status status = POM_OK;
    for (char *line; status == POM_OK && (line = strsep(&rest, "\n")) != NULL;) {
        parser.line++;
        status = parse_line(&parser, line, err);
    }
    pomi_wipe(copy, text.size_bytes);
    free(copy);
    return status;
}

static enum pom_status read_file(struct pomi_aws_files *files, const char *variable, const char *in_home,
                                 bool is_credentials, struct pom_error *err)
{
    char path[4096];
    const char *named = getenv(variable), *home = getenv("HOME");
    if (named != NULL && named[0] == '~' && named[1] == '/' && home != NULL)
        snprintf(path, sizeof path, "%s%s", home, named + 1);
    else if (named != NULL && named[0] != '\0')
        snprintf(path, sizeof path, "%s", named);
    else if (home != NULL)
        snprintf(path, sizeof path, "%s/%s", home, in_home);
    else
        return POM_OK;
    FILE *file = fopen(path, "rb");
    struct stat facts;
    if (file == NULL) return POM_OK;
    struct pomi_bytes text = {0};
    enum pom_status status = POM_OK;
    if (fstat(fileno(file), &facts) == 0 && S_ISREG(facts.st_mode)) {
        status = pomi_bytes_reserve(&text, MAX_FILE_BYTES + 1, err);
        if (status == POM_OK) text.size_bytes = fread(text.data, 1, MAX_FILE_BYTES + 1, file);
        if (status == POM_OK)
            status = pomi_aws_files_add(files, pomi_bytes_view(&text), is_credentials, path, err);
        if (text.data != NULL) pomi_wipe(text.data, text.size_bytes);
    }
    pomi_bytes_release(&text);
    fclose(file);
    return status;
}

enum pom_status pomi_aws_files_read(struct pomi_aws_files *files, struct pom_error *err)
{
    POMI_TRY(read_file(files, "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", true, err));
    return read_file(files, "AWS_CONFIG_FILE", ".aws/config", false, err);
}

bool pomi_aws_files_has(const struct pomi_aws_files *files, const char *profile)
{
    for (size_t i = 0; i < files->n_settings; i++)
        if (files->settings[i].place != POMI_AWS_SERVICES && strcmp(files->settings[i].section, profile) == 0)
            return true;
    return false;
}

const char *pomi_aws_files_get(const struct pomi_aws_files *files, enum pomi_aws_place place,
                               const char *section, const char *setting)
{
    for (size_t i = 0; i < files->n_settings; i++) {
        const struct setting *at = &files->settings[i];
        if (at->place == place && at->name != NULL && strcmp(at->section, section) == 0 &&
            strcmp(at->name, setting) == 0)
            return at->value;
    }
    return NULL;
}
