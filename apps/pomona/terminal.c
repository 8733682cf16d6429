// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"

#include <inttypes.h>
#include <signal.h>
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

void print_json_text(FILE *to, const char *text)
{
    fputc('"', to);
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            fprintf(to, "\\%c", *at);
        else if (*at < 0x20 || *at == 0x7f)
            fprintf(to, "\\u%04x", *at);
        else
            fputc(*at, to);
    }
    fputc('"', to);
}

/* Text from file names may hold control characters, which must not reach a terminal. */
static void print_plain(FILE *to, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at < 0x20 || *at == 0x7f)
            fprintf(to, "\\x%02x", *at);
        else
            fputc(*at, to);
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
