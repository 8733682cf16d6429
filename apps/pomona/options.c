// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "option_table.h"

const struct verb *find_verb(const char *name)
{
    for (const struct verb *verb = verbs; verb->name != NULL; verb++)
        if (strcmp(verb->name, name) == 0) return verb;
    return NULL;
}

static bool complain(const struct verb *verb, const char *what, const char *which)
{
    fprintf(stderr, "pomona %s: %s%s (see pomona %s --help)\n", verb->name, what, which, verb->name);
    return false;
}

static bool parse_number(const char *text, long long least, long long most, long long *number)
{
    char *end;
    errno = 0;
    *number = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *number >= least && *number <= most;
}

/* The position of `text` among the words of `choices`, or -1. */
static int find_choice(const char *choices, const char *text)
{
    size_t length = strlen(text);
    int index = 0;
    for (const char *word = choices; *word != '\0'; index++) {
        size_t word_length = strcspn(word, " ");
        if (word_length == length && strncmp(word, text, length) == 0) return index;
        word += word_length + (word[word_length] == ' ');
    }
    return -1;
}

static bool store_value(struct settings *settings, const struct verb *verb, const struct option *option,
                        const char *text)
{
    void *destination = (char *)settings + option->offset;
    char message[256];
    long long number;
    char *end;
    switch (option->type) {
    case TYPE_FLAG:
        *(int *)destination = option->value;
        return true;
    case TYPE_BOOL:
        *(bool *)destination = true;
        return true;
    case TYPE_TEXT:
        *(const char **)destination = text;
        return true;
    case TYPE_COUNT:
        if (parse_number(text, 1, INT_MAX, &number)) {
            *(int *)destination = (int)number;
            return true;
        }
        snprintf(message, sizeof message, "--%s needs a whole number of at least 1, not ", option->name);
        return complain(verb, message, text);
    case TYPE_LARGE:
        if (parse_number(text, 0, INT64_MAX, &number)) {
            *(int64_t *)destination = number;
            return true;
        }
        snprintf(message, sizeof message, "--%s needs a whole number, not ", option->name);
        return complain(verb, message, text);
    case TYPE_SHARE: {
        double share = strtod(text, &end);
        if (end != text && *end == '\0' && share > 0 && share <= 1) {
            *(double *)destination = share;
            return true;
        }
        snprintf(message, sizeof message, "--%s needs a number above 0 and at most 1, not ", option->name);
        return complain(verb, message, text);
    }
    case TYPE_CHOICE: {
        int choice = find_choice(option->choices, text);
        if (choice >= 0) {
            *(int *)destination = choice;
            return true;
        }
        snprintf(message, sizeof message, "--%s takes one of: %s; not ", option->name, option->choices);
        return complain(verb, message, text);
    }
    }
    return false;
}

/* How many letters have to be changed, left out or put in to make one word of the other; 3 stands for more. */
static int letters_apart(const char *a, size_t a_length, const char *b)
{
    size_t b_length = strlen(b);
    unsigned char row[64];
    if (a_length >= sizeof row || b_length >= sizeof row) return 3;
    for (size_t j = 0; j <= b_length; j++) row[j] = (unsigned char)j;
    for (size_t i = 1; i <= a_length; i++) {
        int corner = row[0];
        row[0] = (unsigned char)i;
        for (size_t j = 1; j <= b_length; j++) {
            int changed = corner + (a[i - 1] != b[j - 1]),
                shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            corner = row[j];
            row[j] = (unsigned char)(changed < shorter ? changed : shorter);
        }
    }
    return row[b_length] < 3 ? row[b_length] : 3;
}

/* `word` is no option of the verb: which one was meant, or whose it is. */
static bool complain_unknown(const struct verb *verb, const char *word, const char *name, size_t length)
{
    char hint[96] = "";
    int least = length > 3 ? 3 : 1; /* short words are near to everything */
    for (size_t i = 0; i < n_options; i++) {
        bool is_same = word[1] == '-'
                           ? strlen(options[i].name) == length && strncmp(options[i].name, name, length) == 0
                           : options[i].letter == name[0];
        if (is_same) {
            for (const struct verb *other = verbs; other->name != NULL; other++)
                if (option_belongs(&options[i], other) &&
                    strlen(hint) + strlen(other->name) + 16 < sizeof hint)
                    snprintf(hint + strlen(hint), sizeof hint - strlen(hint), "%s%s",
                             hint[0] == '\0' ? "; it belongs to " : ", ", other->name);
            break;
        }
        int apart = word[1] == '-' && option_belongs(&options[i], verb)
                        ? letters_apart(name, length, options[i].name)
                        : 3;
        if (apart >= least) continue;
        least = apart;
        snprintf(hint, sizeof hint, "; did you mean --%s?", options[i].name);
    }
    fprintf(stderr, "pomona %s: there is no option %s%s (see pomona %s --help)\n", verb->name, word, hint,
            verb->name);
    return false;
}

const struct verb *find_near_verb(const char *name)
{
    for (const struct verb *verb = verbs; verb->name != NULL; verb++)
        if (strlen(name) > 2 && letters_apart(name, strlen(name), verb->name) < 3) return verb;
    return NULL;
}

/* One option at argv[*at], "--name value", "--name=value", "-n value" or "-nvalue". */
static bool parse_option(struct settings *settings, const struct verb *verb, int argc, char **argv, int *at)
{
    const char *word = argv[*at];
    bool is_long = word[1] == '-';
    const char *name = word + (is_long ? 2 : 1);
    size_t length = is_long ? strcspn(name, "=") : 1;
    const struct option *option = NULL;
    for (size_t i = 0; i < n_options && option == NULL; i++) {
        bool same = is_long
                        ? strlen(options[i].name) == length && strncmp(options[i].name, name, length) == 0
                        : options[i].letter == name[0] && (name[1] == '\0' || options[i].argument != NULL);
        if (same && option_belongs(&options[i], verb)) option = &options[i];
    }
    if (option == NULL) return complain_unknown(verb, word, name, length);
    if (option->argument == NULL) {
        if (is_long && name[length] == '=') return complain(verb, "no value goes with --", option->name);
        return store_value(settings, verb, option, NULL);
    }
    if (is_long && name[length] == '=') return store_value(settings, verb, option, name + length + 1);
    if (!is_long && name[1] != '\0') return store_value(settings, verb, option, name + 1);
    if (*at + 1 == argc) return complain(verb, "a value is missing after ", word);
    return store_value(settings, verb, option, argv[++*at]);
}

bool parse_options(struct settings *settings, const struct verb *verb, int argc, char **argv)
{
    *settings = (struct settings){0};
    pom_run_options_init(&settings->run);
    pom_convert_options_init(&settings->convert);
    bool options_end = false;
    for (int i = 2; i < argc; i++) {
        if (!options_end && strcmp(argv[i], "--") == 0) {
            options_end = true;
        } else if (!options_end && argv[i][0] == '-' && argv[i][1] != '\0') {
            if (!parse_option(settings, verb, argc, argv, &i)) return false;
        } else if (settings->n_arguments == verb->max_arguments) {
            return complain(verb, "one argument too many: ", argv[i]);
        } else {
            settings->arguments[settings->n_arguments++] = argv[i];
        }
    }
    if (!settings->help && settings->n_arguments < verb->min_arguments)
        return complain(verb, "usage: pomona ", verb->arguments);
    return true;
}
