// SPDX-License-Identifier: Apache-2.0
/* Decoding and resizing behind two functions, for bench/photos, through the public C API. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pomona/pomona.h>

struct driver {
    struct pom_image photo, small;
    int side_px;
};

struct driver *driver_open(int side_px)
{
    struct driver *driver = calloc(1, sizeof *driver);
    if (driver != NULL) driver->side_px = side_px;
    return driver;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* seconds[2]: of decoding, of resizing */
int driver_photo(struct driver *driver, const void *data, size_t size_bytes, unsigned char *pixels,
                 double *seconds)
{
    double began = now();
    if (pom_image_decode(&driver->photo, data, size_bytes, NULL, NULL) != POM_OK) return 1;
    double decoded = now();
    if (pom_image_resize(&driver->small, &driver->photo, driver->side_px, driver->side_px, NULL, NULL) !=
        POM_OK)
        return 1;
    memcpy(pixels, driver->small.pixels, (size_t)driver->side_px * (size_t)driver->side_px * 3);
    seconds[0] = decoded - began;
    seconds[1] = now() - decoded;
    return 0;
}
