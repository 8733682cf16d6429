// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Sets of verbs, as bits in the order of verbs[]. */
enum {
    RUN = 1 << 0,
    EXTRACT = 1 << 1,
    FIT = 1 << 2,
    TRANSFORM = 1 << 3,
    REPORT = 1 << 4,
    NETWORK = 1 << 5,
    BENCH = 1 << 6,
    VERSION = 1 << 7,
    S3_POLICY = 1 << 8,
    PHOTOS = RUN | EXTRACT,
    WRITES = RUN | EXTRACT | TRANSFORM,
    PATHS = RUN | EXTRACT | FIT | TRANSFORM | REPORT,
    ANY = PATHS | NETWORK | BENCH | VERSION | S3_POLICY
};

enum option_type {
    TYPE_FLAG,   /* int or bool-like int: set to `value` */
    TYPE_TEXT,   /* const char * */
    TYPE_COUNT,  /* int, at least 1 */
    TYPE_LARGE,  /* int64_t, at least 0 */
    TYPE_SHARE,  /* double in (0, 1] */
    TYPE_CHOICE, /* int: the position in `choices` */
    TYPE_BOOL    /* bool */
};

struct option {
    const char *name;
    char letter; /* 0: none */
    enum option_type type;
    unsigned verbs;
    size_t offset; /* of the destination in struct settings */
    int value;
    const char *argument; /* as --help shows it */
    const char *choices;  /* separated by spaces */
    const char *help;
};

#define AT(member) offsetof(struct settings, member)

static const struct option options[] = {
    {"network", 'n', TYPE_TEXT, PHOTOS | BENCH | S3_POLICY, AT(run.network), 0, "NAME|FILE", NULL,
     "the network: auto (default), mobilenetv2, resnet50, orchard, or a network file"},
    {"precision", 0, TYPE_CHOICE, PHOTOS, AT(run.precision), 0, "PRECISION", "fp32 int16 int8",
     "how the network computes: fp32 (default), or integers, which are faster (docs/numbers.md says how "
     "close); the "
     "network must be calibrated"},
    {"threads", 't', TYPE_COUNT, PHOTOS | BENCH, AT(run.n_threads), 0, "N", NULL,
     "worker threads (default: one per core)"},
    {"glob", 0, TYPE_TEXT, PHOTOS, AT(run.glob), 0, "PATTERNS", NULL,
     "which files are photos, space-separated, case-insensitive (default: *.jpg *.jpeg *.png *.webp)"},
    {"label-from", 0, TYPE_TEXT, PHOTOS, AT(run.label_from), 0, "RULE", NULL,
     "a photo's label: parent (default, its folder's name), none, or regex:EXPRESSION with one group"},
    {"filter", 0, TYPE_CHOICE, PHOTOS, AT(run.resize.filter), 0, "FILTER",
     "nearest box bilinear hamming bicubic lanczos", "resampling filter (default: bicubic)"},
    {"fit", 0, TYPE_CHOICE, PHOTOS, AT(run.resize.fit), 0, "MODE", "stretch crop pad",
     "how a photo becomes square (default: stretch, as the Keras pipelines do)"},
    {"no-exif-rotate", 0, TYPE_FLAG, PHOTOS, AT(run.decode.ignore_exif_rotation), 1, NULL, NULL,
     "leave photos as stored, as plain Pillow does"},
    {"max-pixels", 0, TYPE_LARGE, PHOTOS, AT(run.decode.max_pixels), 0, "N", NULL,
     "refuse photos with more pixels (default: 89478485)"},
    {"max-file-bytes", 0, TYPE_LARGE, PHOTOS, AT(run.max_file_bytes), 0, "N", NULL,
     "refuse larger files (default: 268435456)"},
    {"max-failures", 0, TYPE_LARGE, PHOTOS, AT(run.max_failures), 0, "N", NULL,
     "end the run when more photos than this fail (default: never)"},
    {"part-rows", 0, TYPE_COUNT, PHOTOS, AT(run.part_rows), 0, "N", NULL,
     "photos per part, the unit of commit (default: 4096)"},
    {"format", 'f', TYPE_TEXT, WRITES, AT(run.formats), 0, "LIST", NULL,
     "tables to write beside Parquet: csv, json, separated by commas"},
    {"scale", 0, TYPE_CHOICE, RUN | FIT, AT(run.pca.scale), 0, "MODE", "none std mean-std",
     "scaling before PCA (default: mean-std)"},
    {"components", 'k', TYPE_COUNT, RUN | FIT, AT(run.pca.n_components), 0, "K", NULL,
     "number of components"},
    {"variance", 0, TYPE_SHARE, RUN | FIT, AT(run.pca.variance), 0, "SHARE", NULL,
     "as many components as explain this share (default: 0.95)"},
    {"pca", 0, TYPE_TEXT, RUN | TRANSFORM | REPORT | S3_POLICY, AT(run.pca_path), 0, "FILE", NULL,
     "apply this PCA file instead of fitting one"},
    {"with-scaled", 0, TYPE_FLAG, RUN | TRANSFORM, AT(run.with_scaled), 1, NULL, NULL,
     "add the column features_scaled to the PCA table"},
    {"spark-compatible", 0, TYPE_FLAG, RUN | TRANSFORM, AT(run.pca_apply_flags), POM_PCA_SPARK_COMPATIBLE,
     NULL, NULL, "project without subtracting the mean, as pyspark.ml does"},
    {"out", 'o', TYPE_TEXT, FIT | NETWORK, AT(file), 0, "FILE", NULL, "the file to write"},
    {"resume", 0, TYPE_FLAG, PHOTOS, AT(run.resume), 1, NULL, NULL, "go on with an output that is there"},
    {"retry-failed", 0, TYPE_FLAG, PHOTOS | S3_POLICY, AT(run.retry_failed), 1, NULL, NULL,
     "try the failed photos again"},
    {"update", 0, TYPE_FLAG, PHOTOS, AT(run.update), 1, NULL, NULL, "add photos that are new in the source"},
    {"overwrite", 0, TYPE_FLAG, WRITES | FIT | S3_POLICY, AT(run.overwrite), 1, NULL, NULL,
     "replace what pomona wrote there before"},
    {"dry-run", 0, TYPE_FLAG, PHOTOS, AT(run.dry_run), 1, NULL, NULL,
     "say what would be done and write nothing"},
    {"no-report", 0, TYPE_FLAG, RUN, AT(run.no_report), 1, NULL, NULL, "skip report.html and plots/"},
    {"endpoint-url", 0, TYPE_TEXT, PATHS, AT(run.s3.endpoint_url), 0, "URL", NULL,
     "s3: address of a server that is not AWS (default: AWS_ENDPOINT_URL_S3, the profile's)"},
    {"region", 0, TYPE_TEXT, PATHS | S3_POLICY, AT(run.s3.region), 0, "REGION", NULL,
     "s3: region to sign for (default: AWS_REGION, the profile's; a bucket's own is found)"},
    {"profile", 0, TYPE_TEXT, PATHS, AT(run.s3.profile), 0, "NAME", NULL,
     "s3: profile of ~/.aws/config and credentials (default: AWS_PROFILE)"},
    {"no-sign-request", 0, TYPE_FLAG, PATHS, AT(run.s3.no_sign_request), 1, NULL, NULL,
     "s3: use no credentials, for public buckets"},
    {"request-payer", 0, TYPE_TEXT, PATHS, AT(run.s3.request_payer), 0, "requester", NULL,
     "s3: pay for requests to buckets whose owner does not"},
    {"s3-connections", 0, TYPE_COUNT, PATHS, AT(run.s3.n_connections), 0, "N", NULL,
     "s3: most requests at a time (default: 64; fewer are used when fewer do)"},
    {"require-region", 0, TYPE_TEXT, PATHS, AT(run.s3.require_region), 0, "REGIONS", NULL,
     "s3: refuse buckets elsewhere before a byte is read: EU, or names and patterns as eu-*, separated by "
     "commas"},
    {"s3-prices", 0, TYPE_TEXT, PATHS, AT(run.s3.price_file), 0, "FILE", NULL,
     "s3: count costs with the prices of this JSON file"},
    {"take-over", 0, TYPE_FLAG, WRITES | REPORT, AT(run.s3.take_over), 1, NULL, NULL,
     "s3: go on although the lock of another run is there, which is known to be gone"},
    {"architecture", 0, TYPE_TEXT, NETWORK, AT(convert.architecture), 0, "NAME", NULL,
     "convert: mobilenetv2 or resnet50 (default: found from the tensors)"},
    {"name", 0, TYPE_TEXT, NETWORK, AT(convert.name), 0, "NAME", NULL,
     "convert: the name to write into the file"},
    {"origin", 0, TYPE_TEXT, NETWORK, AT(convert.origin), 0, "TEXT", NULL,
     "convert: where the weights come from"},
    {"licence", 0, TYPE_TEXT, NETWORK, AT(convert.licence), 0, "TEXT", NULL,
     "convert: the licence of the weights"},
    {"input-px", 0, TYPE_COUNT, NETWORK, AT(convert.input_px), 0, "N", NULL,
     "convert: side of the square input"},
    {"address", 0, TYPE_TEXT, NETWORK, AT(address), 0, "URL", NULL, "pull: download from here instead"},
    {"photos", 0, TYPE_COUNT, BENCH | NETWORK, AT(n_photos), 0, "N", NULL,
     "bench: a quick look, N photos per measurement; calibrate: look at N photos (default: 100)"},
    {"cpu", 0, TYPE_BOOL, VERSION, AT(cpu), 1, NULL, NULL,
     "also the kernel sets this machine can run and the one chosen"},
    {"json", 0, TYPE_BOOL, ANY, AT(json), 1, NULL, NULL,
     "machine-readable output: JSON on stdout, one object a line"},
    {"quiet", 'q', TYPE_BOOL, ANY, AT(quiet), 1, NULL, NULL, "no progress and no messages, only errors"},
    {"help", 'h', TYPE_BOOL, ANY, AT(help), 1, NULL, NULL, "this help"},
};

#define N_OPTIONS (sizeof options / sizeof options[0])

const struct verb *find_verb(const char *name)
{
    for (const struct verb *verb = verbs; verb->name != NULL; verb++)
        if (strcmp(verb->name, name) == 0) return verb;
    return NULL;
}

static bool belongs(const struct option *option, const struct verb *verb)
{
    return option->verbs >> (verb - verbs) & 1;
}

/* --- parsing --- */

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

static bool takes_argument(const struct option *option)
{
    return option->argument != NULL;
}

/* One option at argv[*at], "--name value", "--name=value" or "-n value". */
static bool parse_option(struct settings *settings, const struct verb *verb, int argc, char **argv, int *at)
{
    const char *word = argv[*at];
    bool is_long = word[1] == '-';
    const char *name = word + (is_long ? 2 : 1);
    size_t length = is_long ? strcspn(name, "=") : 1;
    const struct option *option = NULL;
    for (size_t i = 0; i < N_OPTIONS && option == NULL; i++) {
        bool same = is_long ? strlen(options[i].name) == length && strncmp(options[i].name, name, length) == 0
                            : options[i].letter == name[0] && name[1] == '\0';
        if (same && belongs(&options[i], verb)) option = &options[i];
    }
    if (option == NULL) return complain(verb, "there is no option ", word);
    if (!takes_argument(option)) {
        if (is_long && name[length] == '=') return complain(verb, "no value goes with --", option->name);
        return store_value(settings, verb, option, NULL);
    }
    if (is_long && name[length] == '=') return store_value(settings, verb, option, name + length + 1);
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

/* --- what people read --- */

/* Prints `text` in lines of at most `width` columns, each after `indent` spaces but the first. */
static void print_wrapped(FILE *to, const char *text, int indent, int width)
{
    int column = indent;
    while (*text != '\0') {
        size_t length = strcspn(text, " \n");
        if (column > indent && column + 1 + (int)length > width) {
            fprintf(to, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', to);
            column++;
        }
        fwrite(text, 1, length, to);
        column += (int)length;
        text += length;
        if (*text == '\n') {
            fprintf(to, "\n%*s", indent, "");
            column = indent;
        }
        if (*text != '\0') text++;
    }
    fputc('\n', to);
}

void print_usage(FILE *to)
{
    fprintf(to, "pomona: photos in, vectors out\n\n");
    for (const struct verb *verb = verbs; verb->name != NULL; verb++)
        fprintf(to, "  pomona %-34s %s\n", verb->arguments, verb->summary);
    fprintf(to, "\nFirst steps:  pomona run photos/ out/    then open out/report.html\n"
                "Each verb explains itself:  pomona run --help\n\n"
                "Exit codes: 0 all photos written; 1 done, some photos failed; 2 wrong usage or settings;\n"
                "3 could not finish; 130 interrupted (go on with --resume).\n");
}

void print_help(FILE *to, const struct verb *verb)
{
    fprintf(to, "usage: pomona %s [options]\n\n", verb->arguments);
    print_wrapped(to, verb->details, 0, 90);
    fputc('\n', to);
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const struct option *option = &options[i];
        if (!belongs(option, verb)) continue;
        char left[64];
        char letter[5] = "    ";
        if (option->letter != 0) snprintf(letter, sizeof letter, "-%c, ", option->letter);
        snprintf(left, sizeof left, "  %s--%s%s%s", letter, option->name, takes_argument(option) ? " " : "",
                 takes_argument(option) ? option->argument : "");
        fprintf(to, "%-32s", left);
        if (strlen(left) > 31) fprintf(to, "\n%32s", "");
        print_wrapped(to, option->help, 32, 100);
        if (option->choices != NULL) fprintf(to, "%32sone of: %s\n", "", option->choices);
    }
}

/* roff: a backslash, and a dot or quote at the start of a line, mean something; hyphens in options are minus signs. */
static void print_roff(FILE *to, const char *text)
{
    if (*text == '.' || *text == '\'') fputs("\\&", to);
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            fputs("\\e", to);
        else if (*text == '-')
            fputs("\\-", to);
        else
            fputc(*text, to);
    }
    fputc('\n', to);
}

void print_man_page(FILE *to)
{
    fprintf(
        to,
        ".TH POMONA 1 \"\" \"pomona %s\" \"User Commands\"\n.SH NAME\npomona \\- photos in, vectors out\n",
        pom_version());
    fprintf(to, ".SH SYNOPSIS\n");
    for (const struct verb *verb = verbs; verb->name != NULL; verb++) {
        fputs(".B pomona\n", to);
        print_roff(to, verb->arguments);
        fputs(".br\n", to);
    }
    fprintf(to, ".SH DESCRIPTION\nTurns a folder of photos into the feature vectors of an image network, "
                "scales them, reduces "
                "them with PCA, and writes tables and a report.\n");
    for (const struct verb *verb = verbs; verb->name != NULL; verb++) {
        fprintf(to, ".SS pomona %s\n", verb->name);
        print_roff(to, verb->details);
        for (size_t i = 0; i < N_OPTIONS; i++) {
            if (!belongs(&options[i], verb)) continue;
            fprintf(to, ".TP\n.B \\-\\-");
            print_roff(to, options[i].name);
            if (takes_argument(&options[i])) fprintf(to, ".I %s\n.br\n", options[i].argument);
            print_roff(to, options[i].help);
        }
    }
    fprintf(to, ".SH EXIT STATUS\n0: all photos written. 1: done, some photos failed. 2: wrong usage or "
                "settings. 3: could not "
                "finish. 130: interrupted, go on with \\-\\-resume.\n"
                ".SH ENVIRONMENT\n.TP\n.B POMONA_NETWORKS\nfolder of installed networks\n.TP\n.B "
                "POMONA_CPU\nlimits the "
                "kernel set: scalar, avx2, avxvnni, avx512, avx512vnni; on ARM scalar, neon\n.TP\n.B "
                "NO_COLOR\nno colours on the "
                "terminal\n");
}

static void print_bash_completion(FILE *to)
{
    fprintf(to, "_pomona() {\n    local word=${COMP_WORDS[COMP_CWORD]} words=\n"
                "    if [ \"$COMP_CWORD\" -eq 1 ]; then words=\"");
    for (const struct verb *verb = verbs; verb->name != NULL; verb++) fprintf(to, "%s ", verb->name);
    fprintf(to, "\"\n    else case ${COMP_WORDS[1]} in\n");
    for (const struct verb *verb = verbs; verb->name != NULL; verb++) {
        fprintf(to, "        %s) words=\"", verb->name);
        for (size_t i = 0; i < N_OPTIONS; i++)
            if (belongs(&options[i], verb)) fprintf(to, "--%s ", options[i].name);
        fprintf(to, "\" ;;\n");
    }
    fprintf(to, "        esac\n    fi\n    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
                "    if [ \"$COMP_CWORD\" -gt 1 ] && [ \"${word#-}\" = \"$word\" ]; then "
                "COMPREPLY=($(compgen -f -- \"$word\")); fi\n"
                "}\ncomplete -o filenames -F _pomona pomona\n");
}

static void print_fish_completion(FILE *to)
{
    for (const struct verb *verb = verbs; verb->name != NULL; verb++) {
        fprintf(to, "complete -c pomona -n __fish_use_subcommand -a %s -d '%s'\n", verb->name, verb->summary);
        for (size_t i = 0; i < N_OPTIONS; i++)
            if (belongs(&options[i], verb))
                fprintf(to, "complete -c pomona -n '__fish_seen_subcommand_from %s' -l %s%s\n", verb->name,
                        options[i].name, takes_argument(&options[i]) ? " -r" : "");
    }
}

static void print_zsh_completion(FILE *to)
{
    fprintf(to, "#compdef pomona\n_pomona() {\n    if (( CURRENT == 2 )); then compadd --");
    for (const struct verb *verb = verbs; verb->name != NULL; verb++) fprintf(to, " %s", verb->name);
    fprintf(
        to,
        "; return; fi\n    if [[ $words[CURRENT] != -* ]]; then _files; return; fi\n    case $words[2] in\n");
    for (const struct verb *verb = verbs; verb->name != NULL; verb++) {
        fprintf(to, "        %s) compadd --", verb->name);
        for (size_t i = 0; i < N_OPTIONS; i++)
            if (belongs(&options[i], verb)) fprintf(to, " --%s", options[i].name);
        fprintf(to, " ;;\n");
    }
    fprintf(to, "    esac\n}\n_pomona \"$@\"\n");
}

void print_completion(FILE *to, const char *shell)
{
    if (strcmp(shell, "bash") == 0) print_bash_completion(to);
    if (strcmp(shell, "zsh") == 0) print_zsh_completion(to);
    if (strcmp(shell, "fish") == 0) print_fish_completion(to);
}
