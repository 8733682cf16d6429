// SPDX-License-Identifier: Apache-2.0
/* The command line: words, one a line, the first of them the verb. What parses keeps the promises of its options. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../apps/pomona/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

enum { MAX_WORDS = 64 };

/* In the order of apps/pomona/main.c, which the sets of verbs in option_table.c follow. */
const struct verb verbs[] = {
    {"run", "run SOURCE OUT", "", "", 2, 2, NULL},
    {"extract", "extract SOURCE OUT", "", "", 2, 2, NULL},
    {"fit", "fit FEATURES", "", "", 1, 1, NULL},
    {"transform", "transform FEATURES OUT", "", "", 2, 2, NULL},
    {"report", "report OUT", "", "", 1, 1, NULL},
    {"network", "network VERB", "", "", 1, 3, NULL},
    {"bench", "bench", "", "", 0, 0, NULL},
    {"version", "version", "", "", 0, 0, NULL},
    {"s3-policy", "s3-policy SOURCE OUT", "", "", 2, 2, NULL},
    {NULL, NULL, NULL, NULL, 0, 0, NULL},
};

static void check(const struct settings *settings, const struct verb *verb)
{
    const struct pom_run_options *run = &settings->run;
    if (settings->n_arguments > verb->max_arguments) abort();
    if (!settings->help && settings->n_arguments < verb->min_arguments) abort();
    for (int i = 0; i < settings->n_arguments; i++)
        if (strlen(settings->arguments[i]) > SIZE_MAX / 2) abort(); /* reads it */
    if (run->s3.n_connections < 0) abort();
    if (run->n_threads < 0 || run->part_rows < 0 || settings->n_photos < 0) abort();
    if (run->max_file_bytes < 0 || run->max_failures < -1 || run->decode.max_pixels < 0) abort();
    if (run->pca.n_components < 0 || !(run->pca.variance >= 0 && run->pca.variance <= 1)) abort();
    if (run->resize.filter > POM_FILTER_LANCZOS || run->resize.fit > POM_FIT_PAD) abort();
    if (run->pca.scale > POM_SCALE_MEAN_STD) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static FILE *nowhere;
    if (nowhere == NULL) nowhere = fopen("/dev/null", "w");
    char *text = malloc(size_bytes + 1), *words[MAX_WORDS + 1] = {"pomona"}, *rest = text;
    if (text == NULL || nowhere == NULL) abort();
    if (size_bytes > 0) memcpy(text, data, size_bytes);
    text[size_bytes] = '\0';
    int n_words = 1;
    for (char *word; n_words < MAX_WORDS && (word = strsep(&rest, "\n")) != NULL;) words[n_words++] = word;

    const struct verb *verb = find_verb(words[1]);
    if (verb != NULL) {
        struct settings settings;
        FILE *saved = stderr;
        stderr = nowhere; /* thousands of complaints help nobody */
        bool is_parsed = parse_options(&settings, verb, n_words, words);
        stderr = saved;
        if (is_parsed) check(&settings, verb);
    }
    free(text);
    return 0;
}
