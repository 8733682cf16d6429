// SPDX-License-Identifier: Apache-2.0
/* The public functions of pomona/image.h: arguments are checked here, the work is done in decode/ and
 * resize/. */
#include "pomona/image.h"

#include "base/error.h"
#include "decode/decode.h"
#include "resize/resize.h"

void pom_decode_options_init(struct pom_decode_options *options)
{
    *options = (struct pom_decode_options){0};
}

enum pom_status pom_image_decode(struct pom_image *image, const void *data, size_t size_bytes,
                                 const struct pom_decode_options *options, struct pom_error *err)
{
    if (image == NULL || (data == NULL && size_bytes > 0))
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "pom_image_decode needs an image and data");
    return pomi_decode(image, (struct pomi_view){data, size_bytes}, options, err);
}

void pom_resize_options_init(struct pom_resize_options *options)
{
    *options = (struct pom_resize_options){.filter = POM_FILTER_BICUBIC, .fit = POM_FIT_STRETCH};
}

enum pom_status pom_image_resize(struct pom_image *image, const struct pom_image *source, int width_px,
                                 int height_px, const struct pom_resize_options *options,
                                 struct pom_error *err)
{
    if (image == NULL || source == NULL || image == source)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument",
                         "pom_image_resize needs a source and another image to write to");
    struct pomi_resize_workspace workspace = {0};
    enum pom_status status = pomi_resize(image, source, width_px, height_px, options, &workspace, err);
    pomi_resize_workspace_release(&workspace);
    return status;
}
