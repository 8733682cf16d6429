// SPDX-License-Identifier: Apache-2.0
/* The command line: a thin user of the library. Finds the verb, parses its options, runs it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "terminal.h"
#include "verbs.h"

const struct verb verbs[] = {
    {"run", "run SOURCE OUT", "photos to features, PCA, tables and a report, in one go",
     "Reads every photo of SOURCE (a folder, one photo, or @FILE with one path a line), computes its "
     "features, fits a PCA, and writes tables (OUT/features, OUT/pca), failures (OUT/failures), the PCA "
     "file, report.html and plots. Every photo ends either in the features table or, with its reason, "
     "in the failures table.",
     2, 2, verb_run},
    {"extract", "extract SOURCE OUT", "photos to features",
     "The first step of run on its own: writes OUT/features and OUT/failures.", 2, 2, verb_extract},
    {"fit", "fit FEATURES --out FILE", "features to a PCA file",
     "Fits scaler and PCA on all rows of FEATURES: an output folder, a folder of Parquet files (what "
     "Spark wrote is fine), or one file.",
     1, 1, verb_fit},
    {"transform", "transform FEATURES --pca FILE OUT", "features through a PCA file to a table",
     "Scales and projects the rows of FEATURES with a fitted PCA file and writes OUT/pca.", 2, 2,
     verb_transform},
    {"report", "report OUT", "report.html and plots from a run's output",
     "Writes OUT/report.html and OUT/plots again from the tables in OUT.", 1, 1, verb_report},
    {"network", "network list|pull|convert|calibrate|info|verify",
     "the networks: install, convert, look at, check",
     "list: what is installed and what can be had. pull NAME: download mobilenetv2 or resnet50 from the "
     "publisher, check, convert, install. convert FILE [--out FILE]: Keras .h5 or .weights.h5, "
     "safetensors, or ONNX to a network file. calibrate NAME [PHOTOS] [--out FILE]: run photos, or "
     "images built into pomona, and store in the network file what --precision int16 and int8 need. "
     "info NAME: origin, layers, parameters, multiply-adds. verify NAME: features of a built-in image "
     "against stored values.",
     1, 3, verb_network},
    {"bench", "bench", "this machine's speed, per stage and kernel set",
     "Measures the limit of this machine's multiply-add units for every kernel set and, in turn with "
     "it, the network alone: photo by photo and in batches of 16, on one thread and on all, in each "
     "precision; then where a photo's time goes: by kind of layer, and before and after the network. "
     "--photos 1 is a quick look.",
     0, 0, verb_bench},
    {"version", "version", "version, and with --cpu the kernels chosen",
     "Prints the version. With --cpu also the kernel sets this machine can run and the one that is "
     "chosen; the environment variable POMONA_CPU allows none faster than the one it names.",
     0, 0, verb_version},
    {"s3-policy", "s3-policy SOURCE OUT", "the smallest IAM policy for a run on s3://",
     "Prints, as JSON, what a user or role must be allowed for `pomona run SOURCE OUT` with the same "
     "options: listing and getting below the source; listing, getting and putting below the output; "
     "deleting the run's lock and marks, and with --retry-failed and --overwrite what those replace. "
     "Asks nothing from S3.",
     2, 2, verb_s3_policy},
    {NULL, NULL, NULL, NULL, 0, 0, NULL},
};

/* For the build: `pomona documentation man|bash|zsh|fish` prints what is installed beside the program. */
static int print_documentation(const char *what)
{
    static const char *const shells[] = {"bash", "zsh", "fish"};
    if (strcmp(what, "man") == 0) {
        print_man_page(stdout);
        return EXIT_ALL_WRITTEN;
    }
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(what, shells[i]) != 0) continue;
        print_completion(stdout, what);
        return EXIT_ALL_WRITTEN;
    }
    fprintf(stderr, "pomona documentation: there is none for %s: use man, bash, zsh or fish\n", what);
    return EXIT_USAGE;
}

/* A word as a shell takes it back. What stands before the @ of an address is a user and a password: not written down. */
static void write_word(FILE *to, const char *word)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-";
    const char *host = strstr(word, "://");
    if (host != NULL) host += 3;
    const char *at = host != NULL ? memchr(host, '@', strcspn(host, "/")) : NULL;
    bool is_plain = *word != '\0' && word[strspn(word, safe)] == '\0';
    if (!is_plain) fputc('\'', to);
    for (const char *c = word; *c != '\0'; c++) {
        if (at != NULL && c == host) c = at;
        if (*c == '\'')
            fputs("'\\''", to);
        else
            fputc(*c, to);
    }
    if (!is_plain) fputc('\'', to);
}

/* What was typed, for the manifest of the run; the caller frees it. NULL when memory is out: then nothing is recorded. */
static char *command_line(int argc, char **argv)
{
    char *text = NULL;
    size_t size_bytes;
    FILE *memory = open_memstream(&text, &size_bytes);
    if (memory == NULL) return NULL;
    fputs("pomona", memory); /* not argv[0]: where the program lies is nobody's business */
    for (int i = 1; i < argc; i++) {
        fputc(' ', memory);
        write_word(memory, argv[i]);
    }
    fclose(memory);
    return text;
}

static int run_command(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_usage(stdout);
        return EXIT_ALL_WRITTEN;
    }
    if (strcmp(name, "--version") == 0) name = "version";
    if (strcmp(name, "documentation") == 0 && argc == 3) return print_documentation(argv[2]);
    const struct verb *verb = find_verb(name);
    if (verb == NULL) {
        const struct verb *near = find_near_verb(name);
        if (near != NULL) {
            fprintf(stderr, "pomona: there is no verb %s; did you mean %s? (see pomona --help)\n", name,
                    near->name);
            return EXIT_USAGE;
        }
        if (*name != '\0') fprintf(stderr, "pomona: there is no verb %s\n\n", name);
        print_usage(stderr);
        return EXIT_USAGE;
    }
    struct settings settings;
    if (!parse_options(&settings, verb, argc, argv)) return EXIT_USAGE;
    if (settings.help) {
        print_help(stdout, verb);
        return EXIT_ALL_WRITTEN;
    }
    settings.run.cpu = getenv("POMONA_CPU");
    char *typed = command_line(argc, argv);
    settings.run.command_line = typed;
    int code = verb->run(&settings);
    free(typed);
    return code;
}

int main(int argc, char **argv)
{
    int code = run_command(argc, argv);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code <= EXIT_SOME_FAILED) {
        fprintf(stderr, "pomona: cannot write to standard output: %s\n", strerror(errno));
        code = EXIT_NOT_FINISHED;
    }
    return code;
}
