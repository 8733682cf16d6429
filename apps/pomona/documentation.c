// SPDX-License-Identifier: Apache-2.0
/* What people read about the verbs and the options: the usage, --help and the man page. */
#include <string.h>

#include "option_table.h"

static const struct {
    const char *code, *meaning;
} exit_codes[] = {
    {"0", "all photos written"},
    {"1", "done, some photos failed"},
    {"2", "wrong usage or settings"},
    {"3", "could not finish"},
    {"130", "interrupted; go on with --resume"},
};

static const struct {
    const char *name, *meaning;
} variables[] = {
    {"POMONA_NETWORKS", "the folder of installed networks"},
    {"POMONA_CPU", "no faster kernel set than this one; the features are the same"},
    {"NO_COLOR", "no colours on the terminal"},
    {"AWS_PROFILE, AWS_REGION, AWS_ACCESS_KEY_ID, ...", "s3: as the AWS command line reads them"},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

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
    for (const struct verb *verb = verbs; verb->name != NULL; verb++) {
        fprintf(to, "  pomona %-34s", verb->arguments);
        if (strlen(verb->arguments) > 34) fprintf(to, "\n%43s", "");
        fprintf(to, " %s\n", verb->summary);
    }
    fprintf(to, "\nFirst steps:  pomona run photos/ out/    then open out/report.html\n"
                "Each verb explains itself:  pomona run --help\n\nExit codes:\n");
    for (size_t i = 0; i < COUNT(exit_codes); i++)
        fprintf(to, "  %-4s %s\n", exit_codes[i].code, exit_codes[i].meaning);
}

/* What comes before the words of `choices`. */
static const char *choices_title(const struct option *option)
{
    return option->type == TYPE_CHOICE ? "one of: " : "such as: ";
}

void print_help(FILE *to, const struct verb *verb)
{
    fprintf(to, "usage: pomona %s [options]\n\n", verb->arguments);
    print_wrapped(to, verb->details, 0, 90);
    fputc('\n', to);
    for (size_t i = 0; i < n_options; i++) {
        const struct option *option = &options[i];
        if (!option_belongs(option, verb)) continue;
        char left[64];
        char letter[5] = "    ";
        if (option->letter != 0) snprintf(letter, sizeof letter, "-%c, ", option->letter);
        snprintf(left, sizeof left, "  %s--%s%s%s", letter, option->name, option->argument != NULL ? " " : "",
                 option->argument != NULL ? option->argument : "");
        fprintf(to, "%-32s", left);
        if (strlen(left) > 31) fprintf(to, "\n%32s", "");
        print_wrapped(to, option->help, 32, 100);
        if (option->choices != NULL) fprintf(to, "%32s%s%s\n", "", choices_title(option), option->choices);
    }
}

/* --- the man page --- */

/* roff: a backslash, and a dot or quote at the start of a line, mean something; hyphens in options are minus signs. `end`
 * is printed as it is. */
static void print_roff(FILE *to, const char *text, const char *end)
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
    fputs(end, to);
}

static void print_man_option(FILE *to, const struct option *option)
{
    fputs(".TP\n", to);
    if (option->letter != 0) fprintf(to, "\\fB\\-%c\\fR, ", option->letter);
    fputs("\\fB\\-\\-", to);
    print_roff(to, option->name, option->argument != NULL ? "\\fR " : "\\fR\n");
    if (option->argument != NULL) {
        fputs("\\fI", to);
        print_roff(to, option->argument, "\\fR\n");
    }
    print_roff(to, option->help, "\n");
    if (option->choices != NULL) {
        fputs(".br\n", to);
        fputs(choices_title(option), to);
        print_roff(to, option->choices, "\n");
    }
    fputs(".br\nfor", to);
    bool is_of_all = true;
    for (const struct verb *verb = verbs; verb->name != NULL; verb++)
        is_of_all &= option_belongs(option, verb);
    for (const struct verb *verb = verbs; verb->name != NULL && !is_of_all; verb++) {
        if (!option_belongs(option, verb)) continue;
        fputc(' ', to);
        print_roff(to, verb->name, "");
    }
    fputs(is_of_all ? " every command\n" : "\n", to);
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
        print_roff(to, verb->arguments, "\n.br\n");
    }
    fprintf(to, ".SH DESCRIPTION\nTurns a folder of photos into the feature vectors of an image network, "
                "scales them, reduces them with PCA, and writes tables and a report.\n.SH COMMANDS\n");
    for (const struct verb *verb = verbs; verb->name != NULL; verb++) {
        fputs(".TP\n.B ", to);
        print_roff(to, verb->name, "\n");
        print_roff(to, verb->details, "\n");
    }
    fprintf(to, ".SH OPTIONS\n");
    for (size_t i = 0; i < n_options; i++) print_man_option(to, &options[i]);
    fprintf(to, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < COUNT(exit_codes); i++) {
        fprintf(to, ".TP\n.B %s\n", exit_codes[i].code);
        print_roff(to, exit_codes[i].meaning, "\n");
    }
    fprintf(to, ".SH ENVIRONMENT\n");
    for (size_t i = 0; i < COUNT(variables); i++) {
        fprintf(to, ".TP\n.B %s\n", variables[i].name);
        print_roff(to, variables[i].meaning, "\n");
        if (strcmp(variables[i].name, "POMONA_CPU") == 0)
            fprintf(to, ".br\none of: %s\n", pom_cpu_kernel_set_names());
    }
}
