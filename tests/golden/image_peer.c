// SPDX-License-Identifier: Apache-2.0
/*
 * Our side of the comparison with Pillow: answers requests on stdin, so that a script can send it thousands
 * of photos and compare every byte.
 *
 *     decode IGNORE_ROTATION SIZE\n<SIZE bytes>       decodes; the image stays for `resize`
 *     resize KERNELS FILTER FIT WIDTH HEIGHT\n        resizes the last decoded image; KERNELS is a set or
 * "auto"
 *
 * Answers: `ok WIDTH HEIGHT SECONDS\n<pixels>` or `fail STATUS REASON MESSAGE\n`. Images and workspace are
 * kept from request to request, as a thread of a run keeps them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "kernels/kernels.h"
#include "pomona/image.h"
#include "resize/resize.h"

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void answer(enum pom_status status, const struct pom_image *image, double elapsed,
                   const struct pom_error *err)
{
    if (status == POM_OK) {
        printf("ok %d %d %.9f\n", image->width_px, image->height_px, elapsed);
        fwrite(image->pixels, 3, (size_t)image->width_px * (size_t)image->height_px, stdout);
    } else {
        printf("fail %s %s %s\n", pom_status_name(status), err->reason, err->message);
    }
    fflush(stdout);
}

int main(void)
{
    struct pom_image photo = {0}, small = {0};
    struct pomi_resize_workspace workspace = {0};
    struct pomi_bytes data = {0};
    struct pom_error err = {0};
    char line[128];
    while (fgets(line, sizeof line, stdin) != NULL) {
        char kernels[16];
        int ignore_rotation, filter, fit, width, height;
        size_t n_bytes;
        enum pom_status status;
        if (sscanf(line, "decode %d %zu", &ignore_rotation, &n_bytes) == 2) {
            if (pomi_bytes_reserve(&data, n_bytes, &err) != POM_OK) return 1;
            if (fread(data.data, 1, n_bytes, stdin) != n_bytes) return 1;
            struct pom_decode_options options = {.ignore_exif_rotation = ignore_rotation};
            double start = seconds();
            status = pom_image_decode(&photo, data.data, n_bytes, &options, &err);
            answer(status, &photo, seconds() - start, &err);
        } else if (sscanf(line, "resize %15s %d %d %d %d", kernels, &filter, &fit, &width, &height) == 5) {
            struct pom_resize_options options = {(enum pom_filter)filter, (enum pom_fit)fit};
            workspace.kernels = pomk_choose(kernels);
            if (workspace.kernels == NULL) return 1;
            double start = seconds();
            status = pomi_resize(&small, &photo, width, height, &options, &workspace, &err);
            answer(status, &small, seconds() - start, &err);
        } else {
            fprintf(stderr, "not a request: %s", line);
            return 1;
        }
    }
    pom_image_release(&photo);
    pom_image_release(&small);
    pomi_resize_workspace_release(&workspace);
    pomi_bytes_release(&data);
    return 0;
}
