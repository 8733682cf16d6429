// SPDX-License-Identifier: Apache-2.0
//
// demo_photos: draws fruit photos and writes them as image files into one folder per kind, for a first run of
// the pipeline and for its tests. Nothing is copied from a photograph. The same seed gives the same files,
// byte for byte and for any number of threads; one photo does not depend on how many others are made.
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fruit.h"
#include "render.h"
#include "write_image.h"

enum { EXIT_OK = 0, EXIT_WRITE = 1, EXIT_USAGE = 2 };

static const char HELP[] =
    "usage: demo_photos OUT_DIR [--per-kind N] [--seed N] [--threads N]\n"
    "\n"
    "Draws believable fruit photos into OUT_DIR/KIND/, and two broken files into OUT_DIR/damaged/.\n"
    "\n"
    "  --per-kind N  photos of each kind, 1 to 9999 (default 32)\n"
    "  --seed N      which photos; the same number gives the same files (default 1)\n"
    "  --threads N   1 to 256 (default: one for each processor); changes the time only\n"
    "  --help        this text\n"
    "\n"
    "Most are JPEG, some PNG and WebP. The second of every dozen carries an EXIF orientation, and from "
    "--per-kind 7 on\n"
    "every sixth kind has one large photo. Files of the same name are replaced, others are left alone.\n"
    "\n"
    "Exit status: 0 all files were written; 1 one could not be made or written, the message says which and "
    "why;\n"
    "2 the command line is wrong.\n";

struct options {
    const char *out_dir;
    long per_kind, seed, threads;
};

// Everything that sets photo number `index` of a kind apart before chance comes in.
struct plan {
    int width, height, enlarge;
    struct encoding encoding;
};

static struct plan plan_photo(int kind, int index, struct rng *rng)
{
    static const struct {
        int width, height;
    } size[] = {{176, 176}, {176, 176}, {176, 176}, {176, 176}, {160, 160}, {160, 160}, {192, 144},
                {192, 144}, {144, 192}, {192, 192}, {208, 156}, {156, 208}, {240, 180}, {224, 224}};
    int i = rng_below(rng, (int)(sizeof(size) / sizeof(size[0])));
    struct plan plan = {.width = size[i].width, .height = size[i].height, .enlarge = 1};
    plan.encoding.quality = 68 + rng_below(rng, 28);
    plan.encoding.progressive = rng_chance(rng, 0.15f);
    if (index % 9 == 2) plan.encoding.format = FORMAT_PNG;
    if (index % 9 == 3) plan.encoding.format = FORMAT_WEBP;
    if (index % 12 == 1) plan.encoding.orientation = 1 + (index / 12 + kind) % 8;
    if (index % 36 == 12 && kind % 3 == 0) {
        plan.width = 480;
        plan.height = 360;
    }
    if (index % 36 == 6 && kind % 6 == 4) {
        // 12 megapixels, as a phone stores them: lying, with the note that it was held upright.
        plan = (struct plan){428, 572, 7, {FORMAT_JPEG, 88, 0, 6}};
    }
    return plan;
}

static const char *extension(enum format format)
{
    return format == FORMAT_PNG ? "png" : format == FORMAT_WEBP ? "webp" : "jpg";
}

// A photo's own stream of chance: neither other photos nor their number change it.
static struct rng photo_rng(long seed, int kind, int index)
{
    struct rng rng = {(uint64_t)seed * 0xd1342543de82ef95u + (uint64_t)kind * 0x2545f4914f6cdd1du +
                      (uint64_t)index};
    rng.state = rng_next(&rng);
    return rng;
}

static int make_photo(const struct options *options, int kind, int index, struct plan *plan,
                      struct bytes *out)
{
    struct rng rng = photo_rng(options->seed, kind, index);
    *plan = plan_photo(kind, index, &rng);
    struct scene *scene = malloc(sizeof(*scene));
    struct image image;
    int status = -1;
    if (scene) {
        fruit_compose(kind, (float)plan->width / (float)plan->height, &rng, scene);
        status = render(scene, plan->width, plan->height, plan->enlarge, &rng, &image);
    }
    free(scene);
    if (status) return -1;
    status = encode_image(&image, &plan->encoding, out);
    free(image.rgb);
    return status;
}

// ---- Files ----

static int report_failure(const char *path, const char *why)
{
    fprintf(stderr, "demo_photos: %s: %s\n", path, why);
    return -1;
}

static int make_folder(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return 0;
    return report_failure(path, strerror(errno));
}

static int save(const char *path, const unsigned char *data, size_t size)
{
    return write_file(path, data, size) ? report_failure(path, strerror(errno)) : 0;
}

static int write_photo(const struct options *options, int kind, int index)
{
    char path[4096];
    struct plan plan;
    struct bytes bytes;
    if (make_photo(options, kind, index, &plan, &bytes))
        return report_failure(kind_name(kind), "cannot draw a photo: out of memory");
    snprintf(path, sizeof(path), "%s/%s/%s-%03d.%s", options->out_dir, kind_name(kind), kind_name(kind),
             index + 1, extension(plan.encoding.format));
    int status = save(path, bytes.data, bytes.size);
    free(bytes.data);
    return status;
}

// What every real collection has: a photo whose copy broke off, and a file that is no photo at all.
static int write_damaged(const struct options *options)
{
    static const char text[] = "This file is named .jpg but holds text. A pipeline must say so and go on.\n";
    char path[4096];
    struct plan plan;
    struct bytes bytes;
    snprintf(path, sizeof(path), "%s/damaged", options->out_dir);
    if (make_folder(path)) return -1;
    snprintf(path, sizeof(path), "%s/damaged/not-an-image.jpg", options->out_dir);
    if (save(path, (const unsigned char *)text, sizeof(text) - 1)) return -1;
    snprintf(path, sizeof(path), "%s/damaged/truncated.jpg", options->out_dir);
    if (make_photo(options, 0, 0, &plan, &bytes))
        return report_failure(path, "cannot draw a photo: out of memory");
    int status = save(path, bytes.data, bytes.size * 2 / 5);
    free(bytes.data);
    return status;
}

// ---- Threads: each takes the next photo until none is left or one fails ----

struct work {
    const struct options *options;
    pthread_mutex_t lock;
    long next, total, done;
    int failed, show_progress;
};

static void *worker(void *argument)
{
    struct work *work = argument;
    pthread_mutex_lock(&work->lock);
    while (!work->failed && work->next < work->total) {
        long photo = work->next++;
        pthread_mutex_unlock(&work->lock);
        int status = write_photo(work->options, (int)(photo % N_KINDS), (int)(photo / N_KINDS));
        pthread_mutex_lock(&work->lock);
        if (status) work->failed = 1;
        work->done++;
        if (work->show_progress) fprintf(stderr, "\rdrawing photos: %ld of %ld", work->done, work->total);
    }
    pthread_mutex_unlock(&work->lock);
    return NULL;
}

static int write_photos(const struct options *options)
{
    struct work work = {
        .options = options, .total = options->per_kind * N_KINDS, .show_progress = isatty(STDERR_FILENO)};
    pthread_t threads[256];
    long n_threads = 0;
    pthread_mutex_init(&work.lock, NULL);
    // This thread works too, so that a failure to start others only costs time.
    while (n_threads < options->threads - 1 && pthread_create(&threads[n_threads], NULL, worker, &work) == 0)
        n_threads++;
    worker(&work);
    for (long i = 0; i < n_threads; i++) pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&work.lock);
    if (work.show_progress) fprintf(stderr, "\r\033[K");
    return work.failed ? -1 : 0;
}

// ---- Command line ----

static int usage_error(const char *what, const char *which)
{
    fprintf(stderr, "demo_photos: %s%s\nTry demo_photos --help\n", what, which);
    return EXIT_USAGE;
}

// Whether `text` is a whole number within the bounds.
static int read_number(const char *text, long low, long high, long *value)
{
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (errno || end == text || *end || n < low || n > high) return 0;
    *value = n;
    return 1;
}

int main(int argc, char **argv)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct options options = {.per_kind = 32,
                              .seed = 1,
                              .threads = processors < 1     ? 1
                                         : processors > 256 ? 256
                                                            : processors};
    const struct {
        const char *name;
        long low, high, *value;
    } numbers[] = {{"--per-kind", 1, 9999, &options.per_kind},
                   {"--seed", 0, 2147483647, &options.seed},
                   {"--threads", 1, 256, &options.threads}};
    const int n_numbers = (int)(sizeof(numbers) / sizeof(numbers[0]));

    for (int i = 1; i < argc; i++) {
        int k = 0;
        while (k < n_numbers && strcmp(argv[i], numbers[k].name) != 0) k++;
        if (strcmp(argv[i], "--help") == 0) {
            fputs(HELP, stdout);
            return EXIT_OK;
        }
        if (k < n_numbers) {
            if (i + 1 == argc || !read_number(argv[i + 1], numbers[k].low, numbers[k].high, numbers[k].value))
                return usage_error("a whole number within the bounds that --help names must follow ",
                                   argv[i]);
            i++;
        } else if (argv[i][0] == '-') {
            return usage_error("unknown option ", argv[i]);
        } else if (options.out_dir) {
            return usage_error("more than one OUT_DIR: ", argv[i]);
        } else {
            options.out_dir = argv[i];
        }
    }
    if (!options.out_dir) return usage_error("OUT_DIR is missing", "");
    if (strlen(options.out_dir) > 3800) return usage_error("OUT_DIR is too long", "");

    if (make_folder(options.out_dir)) return EXIT_WRITE;
    for (int kind = 0; kind < N_KINDS; kind++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", options.out_dir, kind_name(kind));
        if (make_folder(path)) return EXIT_WRITE;
    }
    if (write_photos(&options) || write_damaged(&options)) return EXIT_WRITE;
    printf("%ld photos of %d kinds of fruit, and 2 damaged files, in %s\n", options.per_kind * N_KINDS,
           N_KINDS, options.out_dir);
    return EXIT_OK;
}
