// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"

#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define BAR_COLUMNS           28
#define SECONDS_BETWEEN_LINES 5.0
#define SECONDS_FOR_ESTIMATES 1.0

static struct {
    bool is_terminal, has_colour, is_quiet, is_json;
    bool has_bar;             /* a bar is on the last line */
    double last_line_seconds; /* of the stage, when the last plain line was printed */
} screen;

static atomic_int n_interrupts; /* the signal may arrive on any thread, OpenBLAS' and DuckDB's too */

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    if (atomic_fetch_add(&n_interrupts, 1) > 0)
        _exit(EXIT_INTERRUPTED); /* asked twice: what is committed is safe anyway */
}

static int should_stop(void *user)
{
    (void)user;
    return atomic_load(&n_interrupts) > 0;
}

/*
 * How many bytes at `at` are one character that may be shown: well-formed UTF-8 (RFC 3629) and no control character of ASCII
 * or Latin 1. 0: the first byte is to be written as \xNN, as the tables do; file names and so messages can hold anything.
 */
static int shown_bytes(const unsigned char *at)
{
    if (*at < 0x80) return *at >= 0x20 && *at != 0x7f;
    int n = *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : 2;
    if (*at < 0xc2 || *at > 0xf4) return 0;
    for (int i = 1; i < n; i++)
        if (at[i] < 0x80 || at[i] > 0xbf) return 0;
    bool is_overlong = (*at == 0xe0 && at[1] < 0xa0) || (*at == 0xf0 && at[1] < 0x90);
    bool is_no_character = (*at == 0xed && at[1] > 0x9f) || (*at == 0xf4 && at[1] > 0x8f);
    bool is_control = *at == 0xc2 && at[1] < 0xa0;
    return is_overlong || is_no_character || is_control ? 0 : n;
}

void print_json_text(FILE *to, const char *text)
{
    fputc('"', to);
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
        int n = shown_bytes(at);
        if (*at == '"' || *at == '\\')
            fprintf(to, "\\%c", *at);
        else if (n > 0)
            fwrite(at, 1, (size_t)n, to);
        else if (*at < 0x80)
            fprintf(to, "\\u%04x", *at);
        else
            fprintf(to, "\\\\x%02x", *at);
        at += n > 0 ? n : 1;
    }
    fputc('"', to);
}

/* What could steer a terminal must not reach it. */
static void print_plain(FILE *to, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
        int n = shown_bytes(at);
        if (n > 0)
            fwrite(at, 1, (size_t)n, to);
        else
            fprintf(to, "\\x%02x", *at);
        at += n > 0 ? n : 1;
    }
}

static void clear_bar(void)
{
    if (screen.has_bar) fputs("\r\033[K", stderr);
    screen.has_bar = false;
}

static void format_duration(char *text, size_t size, double seconds)
{
    long whole = (long)(seconds + 0.5);
    if (whole < 3600)
        snprintf(text, size, "%ld:%02ld", whole / 60, whole % 60);
    else
        snprintf(text, size, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
}

/* "1024 of 1600, 350.2 photos/s, 0:02 left, 1 failed" */
static void print_counts(const struct pom_event *event)
{
    const char *unit = strcmp(event->stage, "extract") == 0 ? "photos" : "rows";
    fprintf(stderr, "%" PRId64 " of %" PRId64, event->n_done, event->n_total);
    if (event->photos_per_second > 0) fprintf(stderr, ", %.1f %s/s", event->photos_per_second, unit);
    if (event->photos_per_second > 0 && event->n_done < event->n_total &&
        event->seconds > SECONDS_FOR_ESTIMATES) {
        char left[32];
        format_duration(left, sizeof left,
                        (double)(event->n_total - event->n_done) / event->photos_per_second);
        fprintf(stderr, ", %s left", left);
    }
    if (event->n_failed > 0)
        fprintf(stderr, screen.has_colour ? ", \033[31m%" PRId64 " failed\033[0m" : ", %" PRId64 " failed",
                event->n_failed);
}

static void draw_bar(const struct pom_event *event)
{
    struct winsize size;
    int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    int n_filled = (int)(BAR_COLUMNS * event->n_done / event->n_total);
    fprintf(stderr, "\r\033[K%-9s ", event->stage);
    if (columns >= 100) {
        fputs(screen.has_colour ? "\033[32m" : "", stderr);
        for (int i = 0; i < BAR_COLUMNS; i++)
            fputs(i < n_filled ? "━" : screen.has_colour ? "\033[2m─" : "─", stderr);
        fputs(screen.has_colour ? "\033[0m " : " ", stderr);
    }
    print_counts(event);
    fflush(stderr);
    screen.has_bar = true;
}

static void print_line(const struct pom_event *event, bool is_last)
{
    if (!is_last && event->seconds - screen.last_line_seconds < SECONDS_BETWEEN_LINES) return;
    screen.last_line_seconds = event->seconds;
    fprintf(stderr, "%s: ", event->stage);
    print_counts(event);
    fputc('\n', stderr);
}

static void show_progress(const struct pom_event *event)
{
    if (event->n_total == 0) return;
    bool is_last = event->n_done >= event->n_total;
    if (!screen.is_terminal) {
        print_line(event, is_last);
        return;
    }
    draw_bar(event);
    if (is_last) fputc('\n', stderr);
    if (is_last) screen.has_bar = false;
}

static void show_event(const struct pom_event *event)
{
    switch (event->kind) {
    case POM_EVENT_STAGE:
        clear_bar();
        screen.last_line_seconds = 0;
        break;
    case POM_EVENT_PROGRESS:
        show_progress(event);
        break;
    case POM_EVENT_MESSAGE:
    case POM_EVENT_WARNING:
        clear_bar();
        if (event->kind == POM_EVENT_WARNING)
            fputs(screen.has_colour ? "\033[33mwarning:\033[0m " : "warning: ", stderr);
        print_plain(stderr, event->message);
        fputc('\n', stderr);
        break;
    case POM_EVENT_DONE:
        clear_bar();
        break;
    }
}

static void print_json_event(const struct pom_event *event)
{
    static const char *const kinds[] = {"stage", "progress", "message", "warning", "done"};
    printf("{\"event\":\"%s\",\"stage\":\"%s\"", kinds[event->kind], event->stage);
    if (event->message != NULL) {
        fputs(",\"message\":", stdout);
        print_json_text(stdout, event->message);
    } else {
        printf(",\"total\":%" PRId64 ",\"done\":%" PRId64 ",\"failed\":%" PRId64
               ",\"seconds\":%.3f,\"photos_per_second\":%.2f",
               event->n_total, event->n_done, event->n_failed, event->seconds, event->photos_per_second);
    }
    puts("}");
    fflush(stdout);
}

static void on_event(void *user, const struct pom_event *event)
{
    (void)user;
    if (screen.is_json)
        print_json_event(event);
    else if (!screen.is_quiet)
        show_event(event);
}

void terminal_attach(struct settings *settings)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    screen.is_terminal = isatty(STDERR_FILENO) && (term == NULL || strcmp(term, "dumb") != 0);
    screen.has_colour = screen.is_terminal && (no_color == NULL || *no_color == '\0');
    screen.is_quiet = settings->quiet;
    screen.is_json = settings->json;
    settings->run.on_event = on_event;
    settings->run.should_stop = should_stop;
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static bool has_last_words(const struct settings *settings)
{
    return !settings->quiet && !settings->json && !settings->run.dry_run;
}

void terminal_summarise(const struct settings *settings, const struct pom_run_result *result)
{
    if (!has_last_words(settings)) return;
    fprintf(stderr, "%" PRId64 " photo%s: %" PRId64 " written, %" PRId64 " failed; %.1f s", result->n_listed,
            result->n_listed == 1 ? "" : "s", result->n_written, result->n_failed, result->seconds);
    if (result->photos_per_second > 0) fprintf(stderr, ", %.1f photos/s", result->photos_per_second);
    fprintf(stderr, ", %.0f MB\n", (double)result->peak_memory_bytes * 1e-6);
    if (result->n_failed > 0) terminal_hint(settings, "why they failed: %s/failures", settings->run.output);
}

void terminal_hint(const struct settings *settings, const char *format, ...)
{
    if (!has_last_words(settings)) return;
    char text[2 * PATH_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    print_plain(stderr, text);
    fputc('\n', stderr);
}

int terminal_fail(const struct settings *settings, const struct pom_error *err)
{
    clear_bar();
    if (settings->json) {
        printf("{\"event\":\"error\",\"status\":\"%s\",\"reason\":\"%s\",\"message\":",
               pom_status_name(err->status), err->reason);
        print_json_text(stdout, err->message);
        puts("}");
    }
    fputs("pomona: ", stderr);
    print_plain(stderr, err->message);
    fputc('\n', stderr);
    switch (err->status) {
    case POM_ERROR_INTERRUPTED:
        return EXIT_INTERRUPTED;
    case POM_ERROR_ARGUMENT:
    case POM_ERROR_NOT_FOUND:
    case POM_ERROR_EXISTS:
    case POM_ERROR_MISMATCH:
    case POM_ERROR_UNSUPPORTED:
        return EXIT_USAGE;
    default:
        return EXIT_NOT_FINISHED;
    }
}

int terminal_finish(const struct settings *settings, enum pom_status status,
                    const struct pom_run_result *result, const struct pom_error *err)
{
    if (status != POM_OK) return terminal_fail(settings, err);
    return result->n_failed > 0 ? EXIT_SOME_FAILED : EXIT_ALL_WRITTEN;
}
