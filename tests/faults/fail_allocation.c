// SPDX-License-Identifier: Apache-2.0
/*
 * The allocator of `pomona_failing`: the program linked so that every allocation and every thread that our own code asks
 * for comes here (--wrap, so that other libraries keep the real ones). jansson, which takes an allocator, is given one too.
 *
 *     POMONA_FAIL=N         the N-th request of our code fails, counted from 1
 *     POMONA_FAIL=N+        and so does every later one
 *     POMONA_FAIL_JSON=...  the same for jansson's
 *     POMONA_COUNT=FILE     at exit the number of both kinds is written there
 */
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
int __real_posix_memalign(void **memory, size_t alignment, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t length);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*work)(void *),
                          void *argument);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);
int __wrap_posix_memalign(void **memory, size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t length);
int __wrap_asprintf(char **text, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_vasprintf(char **text, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*work)(void *),
                          void *argument);

struct requests {
    atomic_long n;
    long fail_at;
    bool fails_on;
};

static struct requests ours, jansson;

static bool fails(struct requests *requests)
{
    long n = atomic_fetch_add(&requests->n, 1) + 1;
    return requests->fail_at > 0 && (n == requests->fail_at || (requests->fails_on && n > requests->fail_at));
}

static bool fails_now(void)
{
    return fails(&ours);
}

static void write_count(void)
{
    const char *path = getenv("POMONA_COUNT");
    FILE *file = path != NULL ? fopen(path, "w") : NULL;
    if (file == NULL) return;
    fprintf(file, "%ld %ld\n", atomic_load(&ours.n), atomic_load(&jansson.n));
    fclose(file);
}

static void *out_of_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

static void *json_malloc(size_t size)
{
    return fails(&jansson) ? out_of_memory() : __real_malloc(size);
}

static void read_place(struct requests *requests, const char *variable)
{
    const char *text = getenv(variable);
    char *end;
    if (text == NULL) return;
    requests->fail_at = strtol(text, &end, 10);
    requests->fails_on = *end == '+';
}

__attribute__((constructor)) static void set_up(void)
{
    read_place(&ours, "POMONA_FAIL");
    read_place(&jansson, "POMONA_FAIL_JSON");
    json_set_alloc_funcs(json_malloc, free);
    atexit(write_count);
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? out_of_memory() : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails_now() ? out_of_memory() : __real_calloc(n, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails_now() ? out_of_memory() : __real_realloc(memory, size);
}

int __wrap_posix_memalign(void **memory, size_t alignment, size_t size)
{
    return fails_now() ? ENOMEM : __real_posix_memalign(memory, alignment, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails_now() ? out_of_memory() : __real_aligned_alloc(alignment, size);
}

char *__wrap_strdup(const char *text)
{
    return fails_now() ? out_of_memory() : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t length)
{
    return fails_now() ? out_of_memory() : __real_strndup(text, length);
}

/* The real one would allocate out of sight; what *text is after a failure is undefined, so callers must not look. */
int __wrap_vasprintf(char **text, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    *text = length < 0 || fails_now() ? NULL : __real_malloc((size_t)length + 1);
    if (*text == NULL) {
        *text = (char *)1; /* nobody may free or read it */
        return -1;
    }
    return vsnprintf(*text, (size_t)length + 1, format, arguments);
}

int __wrap_asprintf(char **text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = __wrap_vasprintf(text, format, arguments);
    va_end(arguments);
    return length;
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*work)(void *),
                          void *argument)
{
    return fails_now() ? EAGAIN : __real_pthread_create(thread, attributes, work, argument);
}
