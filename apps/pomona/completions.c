// SPDX-License-Identifier: Apache-2.0
/*
 * Completions for the shells: verbs, what `pomona network` does, options with their help where the shell shows it, and
 * after an option its words, files, or nothing, as the table says.
 */
#include <string.h>

#include "option_table.h"

static bool takes_file(const struct option *option)
{
    return option->argument != NULL && strstr(option->argument, "FILE") != NULL;
}

/* Prints `text` inside quotes '...', in which a quote is written as `quote`, and before a character of `special` a backslash. */
static void print_quoted(FILE *to, const char *text, const char *quote, const char *special)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputs(quote, to);
            continue;
        }
        if (strchr(special, *text) != NULL) fputc('\\', to);
        fputc(*text, to);
    }
}

/* What `pomona network` does, separated by spaces: the words between bars in its usage line. */
static void print_network_verbs(FILE *to)
{
    for (const char *at = strchr(find_verb("network")->arguments, ' ') + 1; *at != '\0'; at++)
        fputc(*at == '|' ? ' ' : *at, to);
}

/* --- bash: words only --- */

static void print_bash_option(FILE *to, const struct option *option)
{
    fputs("    ", to);
    if (option->letter != 0) fprintf(to, "-%c|", option->letter);
    fprintf(to, "--%s)", option->name);
    if (option->choices != NULL) fprintf(to, " words=\"%s\"", option->choices);
    fputs(takes_file(option) ? " files=1 ;;\n" : " ;;\n", to);
}

static void print_bash_completion(FILE *to)
{
    fputs("_pomona() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words= files=\n"
          "    if [ \"$word\" = \"=\" ]; then word=\n" /* --name=value is three words to bash */
          "    elif [ \"$before\" = \"=\" ]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
          "    case $COMP_CWORD${COMP_WORDS[1]} in\n    1*) before=:verb ;;\n    2network) before=:network "
          ";;\n    esac\n"
          "    case $before in\n    :verb) words=\"",
          to);
    for (const struct verb *verb = verbs; verb->name != NULL; verb++) fprintf(to, "%s ", verb->name);
    fputs("\" ;;\n", to);
    for (size_t i = 0; i < n_options; i++)
        if (options[i].argument != NULL) print_bash_option(to, &options[i]);
    fputs("    :network) words=\"", to);
    print_network_verbs(to);
    fputs("\" ;;\n    *)\n        case $word in\n        -*)\n            case ${COMP_WORDS[1]} in\n", to);
    for (const struct verb *verb = verbs; verb->name != NULL; verb++) {
        fprintf(to, "            %s) words=\"", verb->name);
        for (size_t i = 0; i < n_options; i++)
            if (option_belongs(&options[i], verb)) fprintf(to, "--%s ", options[i].name);
        fputs("\" ;;\n", to);
    }
    fputs("            esac ;;\n        *) files=1 ;;\n        esac ;;\n    esac\n"
          "    local IFS=$'\\n'\n"
          "    COMPREPLY=($(IFS=' '; compgen -W \"$words\" -- \"$word\"; "
          "[ -z \"$files\" ] || compgen -f -- \"$word\"))\n"
          "}\ncomplete -o filenames -F _pomona pomona\n",
          to);
}

/* --- fish --- */

static void print_fish_option(FILE *to, const struct option *option)
{
    fputs("complete -c pomona -n '__fish_seen_subcommand_from", to);
    for (const struct verb *verb = verbs; verb->name != NULL; verb++)
        if (option_belongs(option, verb)) fprintf(to, " %s", verb->name);
    fprintf(to, "' -l %s", option->name);
    if (option->letter != 0) fprintf(to, " -s %c", option->letter);
    if (option->argument != NULL) fputs(takes_file(option) ? " -r -F" : " -x", to);
    if (option->choices != NULL) fprintf(to, " -a '%s'", option->choices);
    fputs(" -d '", to);
    print_quoted(to, option->help, "\\'", "\\");
    fputs("'\n", to);
}

static void print_fish_completion(FILE *to)
{
    for (const struct verb *verb = verbs; verb->name != NULL; verb++) {
        fprintf(to, "complete -c pomona -n __fish_use_subcommand -f -a %s -d '", verb->name);
        print_quoted(to, verb->summary, "\\'", "\\");
        fputs("'\n", to);
    }
    fputs("complete -c pomona -n '__fish_seen_subcommand_from network' -a '", to);
    print_network_verbs(to);
    fputs("'\n", to);
    for (size_t i = 0; i < n_options; i++) print_fish_option(to, &options[i]);
}

/* --- zsh --- */

/* For _arguments: '--name=[help]:ARGUMENT:action', and for a letter the same again, each of which excludes the other. */
static void print_zsh_option(FILE *to, const struct option *option, const char *exclusion, const char *name)
{
    fprintf(to, " \\\n            '%s%s[", exclusion, name);
    print_quoted(to, option->help, "'\\''", "[]\\");
    fputc(']', to);
    if (option->argument != NULL) {
        fprintf(to, ":%s:", option->argument);
        if (takes_file(option))
            fprintf(to, " _pomona_or_file %s", option->choices != NULL ? option->choices : "");
        else if (option->choices != NULL)
            fprintf(to, "(%s)", option->choices);
        else
            fputc(' ', to);
    }
    fputc('\'', to);
}

static void print_zsh_options(FILE *to, const struct option *option)
{
    char exclusion[64] = "", name[64], letter[4];
    if (option->letter != 0) {
        snprintf(exclusion, sizeof exclusion, "(-%c --%s)", option->letter, option->name);
        snprintf(letter, sizeof letter, "-%c", option->letter);
        print_zsh_option(to, option, exclusion, letter);
    }
    snprintf(name, sizeof name, "--%s%s", option->name, option->argument != NULL ? "=" : "");
    print_zsh_option(to, option, exclusion, name);
}

static void print_zsh_completion(FILE *to)
{
    fputs("#compdef pomona\n"
          "_pomona_or_file() { local words=(\"$@\"); (( $#words )) && compadd -- $words; _files }\n"
          "_pomona() {\n    if (( CURRENT == 2 )); then\n        local -a verbs=(",
          to);
    for (const struct verb *verb = verbs; verb->name != NULL; verb++) {
        fprintf(to, "\n            '%s:", verb->name);
        print_quoted(to, verb->summary, "'\\''", "\\");
        fputc('\'', to);
    }
    fputs(")\n        _describe verb verbs\n        return\n    fi\n"
          "    shift words\n    (( CURRENT-- ))\n    case $words[1] in\n",
          to);
    for (const struct verb *verb = verbs; verb->name != NULL; verb++) {
        fprintf(to, "    %s)\n        _arguments", verb->name);
        for (size_t i = 0; i < n_options; i++)
            if (option_belongs(&options[i], verb)) print_zsh_options(to, &options[i]);
        if (strcmp(verb->name, "network") == 0) {
            fputs(" \\\n            '1:what:(", to);
            print_network_verbs(to);
            fputs(")'", to);
        }
        fputs(" \\\n            '*:path:_files' ;;\n", to);
    }
    fputs("    esac\n}\n_pomona \"$@\"\n", to);
}

void print_completion(FILE *to, const char *shell)
{
    if (strcmp(shell, "bash") == 0) print_bash_completion(to);
    if (strcmp(shell, "zsh") == 0) print_zsh_completion(to);
    if (strcmp(shell, "fish") == 0) print_fish_completion(to);
}
