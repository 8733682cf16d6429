// SPDX-License-Identifier: Apache-2.0
/*
 * A fuzz target without the fuzzer, so that the quick suite runs it with any compiler: every file of the
 * given files and folders as it is, then cut short at many places, then with small changes from a fixed seed.
 *
 *     fuzz_NAME FILE|FOLDER...
 *
 * Succeeding is not crashing; under a sanitizer, also not reading or writing where it should not.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

enum { MAX_CUTS = 300, CHANGES = 1500, MAX_CHANGED_BYTES = 65536 };

static int n_files;

/* A copy on the heap of exactly this size: a sanitizer sees the first byte too far. */
static void run(const uint8_t *data, size_t size_bytes)
{
    uint8_t *copy = malloc(size_bytes > 0 ? size_bytes : 1);
    if (copy == NULL) abort();
    memcpy(copy, data, size_bytes);
    LLVMFuzzerTestOneInput(copy, size_bytes);
    free(copy);
}

static void run_cut(const uint8_t *data, size_t size_bytes)
{
    size_t step = size_bytes / MAX_CUTS + 1;
    for (size_t length = 0; length < size_bytes; length += step) run(data, length);
}

static uint32_t next_number(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 32);
}

/* One to four bytes become another digit, an extreme, or anything. Large files would take too long. */
static void run_changed(const uint8_t *data, size_t size_bytes)
{
    if (size_bytes == 0 || size_bytes > MAX_CHANGED_BYTES) return;
    static const uint8_t telling[] = {0, 1, 0x7f, 0x80, 0xff, '0', '9', '-', '"', '[', '}'};
    uint8_t *changed = malloc(size_bytes);
    if (changed == NULL) abort();
    uint64_t state = size_bytes;
    for (int i = 0; i < CHANGES; i++) {
        memcpy(changed, data, size_bytes);
        for (uint32_t n = 1 + next_number(&state) % 4; n > 0; n--) {
            uint32_t place = next_number(&state) % (uint32_t)size_bytes, kind = next_number(&state);
            changed[place] = kind % 2 == 0 ? telling[kind / 2 % sizeof telling] : (uint8_t)(kind >> 8);
        }
        run(changed, size_bytes);
    }
    free(changed);
}

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    size_t size_bytes = 0, n;
    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    do {
        data = realloc(data, size_bytes + 65536);
        if (data == NULL) abort();
        n = fread(data + size_bytes, 1, 65536, file);
        size_bytes += n;
    } while (n > 0);
    fclose(file);
    run(data, size_bytes);
    run_cut(data, size_bytes);
    run_changed(data, size_bytes);
    free(data);
    n_files++;
    return 0;
}

static int replay(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) return replay_file(path);
    int failed = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char inside[4096];
        if (entry->d_name[0] == '.') continue;
        snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        failed |= replay(inside);
    }
    closedir(folder);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) failed |= replay(argv[i]);
    if (n_files == 0) {
        fprintf(stderr, "no input: usage: %s FILE|FOLDER...\n", argv[0]);
        return 2;
    }
    printf("%d files replayed\n", n_files);
    return failed;
}
