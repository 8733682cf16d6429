// SPDX-License-Identifier: Apache-2.0
/*
 * WebP by libwebp: lossy, lossless, with alpha (dropped) and animated (the first frame on its canvas).
 *
 * Pillow opens every WebP as an animation, which needs the whole container: a file cut off anywhere, even
 * after its pixels, is truncated.
 */
#include "config.h"
#if POMI_HAVE_WEBP
#include <stdbool.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "base/sizes.h"
#include "decode/exif.h"
#include "decode/format.h"

static enum pom_status fail_webp(struct pom_error *err, VP8StatusCode code)
{
    switch (code) {
    case VP8_STATUS_OUT_OF_MEMORY:
        return pomi_fail(err, POM_ERROR_MEMORY, "out_of_memory", "out of memory while decoding a WebP");
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
        return pomi_fail(err, POM_ERROR_FORMAT, "truncated", "the WebP file ends before its last pixel");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported", "a kind of WebP that is not supported");
    default:
        return pomi_fail(err, POM_ERROR_FORMAT, "corrupt", "damaged WebP: its pixels cannot be decoded");
    }
}

static int find_orientation(WebPDemuxer *demuxer)
{
    struct pomi_view exif = {0}, xmp = {0};
    WebPChunkIterator chunk;
    if (WebPDemuxGetChunk(demuxer, "EXIF", 1, &chunk)) {
        exif = (struct pomi_view){chunk.chunk.bytes, chunk.chunk.size};
        WebPDemuxReleaseChunkIterator(&chunk);
    }
    if (WebPDemuxGetChunk(demuxer, "XMP ", 1, &chunk)) {
        xmp = (struct pomi_view){chunk.chunk.bytes, chunk.chunk.size};
        WebPDemuxReleaseChunkIterator(&chunk);
    }
    return pomi_exif_orientation(exif, xmp); // the bytes are the file's own and outlive the iterators
}

static enum pom_status decode_frame(const WebPIterator *frame, uint8_t *rgb, size_t row_bytes,
                                    struct pom_error *err)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported",
                         "libwebp of another version than at build");
    config.output.colorspace = MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = rgb;
    config.output.u.RGBA.stride = (int)row_bytes;
    config.output.u.RGBA.size = row_bytes * (size_t)frame->height;
    VP8StatusCode code = WebPDecode(frame->fragment.bytes, frame->fragment.size, &config);
    return code == VP8_STATUS_OK ? POM_OK : fail_webp(err, code);
}

static enum pom_status decode(struct pom_image *image, WebPDemuxer *demuxer, const WebPIterator *frame,
                              const struct pom_decode_options *options, struct pom_error *err)
{
    int64_t width = WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH);
    int64_t height = WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT);
    POMI_TRY(pomi_check_pixels(width, height, options, err));
    int orientation = options->ignore_exif_rotation ? 1 : find_orientation(demuxer);
    bool fills_canvas = frame->width == width && frame->height == height;
    bool writes_in_place = fills_canvas && orientation == 1;

    size_t row_bytes = (size_t)frame->width * 3, frame_bytes;
    if (!pomi_size_multiply(row_bytes, (size_t)frame->height, &frame_bytes))
        return pomi_fail_memory(err, SIZE_MAX, "the pixels of a photo");
    struct pomi_canvas canvas;
    POMI_TRY(pomi_canvas_open(&canvas, image, width, height, orientation, writes_in_place ? 0 : frame_bytes,
                              options, err));
    if (writes_in_place) return decode_frame(frame, image->pixels, row_bytes, err);

    POMI_TRY(decode_frame(frame, canvas.scratch, row_bytes, err));
    if (!fills_canvas) memset(image->pixels, 0, (size_t)width * (size_t)height * 3);
    pomi_canvas_put(&canvas, frame->x_offset, frame->y_offset, canvas.scratch, row_bytes, frame->width,
                    frame->height);
    return POM_OK;
}

enum pom_status pomi_decode_webp(struct pom_image *image, struct pomi_view data,
                                 const struct pom_decode_options *options, struct pom_error *err)
{
    WebPDemuxState state;
    WebPDemuxer *demuxer = WebPDemuxPartial(&(WebPData){data.data, data.size_bytes}, &state);
    enum pom_status status;
    WebPIterator frame;
    if (demuxer == NULL || state != WEBP_DEMUX_DONE) {
        bool is_damaged = state == WEBP_DEMUX_PARSE_ERROR;
        status = pomi_fail(err, POM_ERROR_FORMAT, is_damaged ? "corrupt" : "truncated",
                           is_damaged ? "damaged WebP: its parts do not fit together"
                                      : "the WebP file ends before its last part");
    } else if (!WebPDemuxGetFrame(demuxer, 1, &frame)) {
        status = pomi_fail(err, POM_ERROR_FORMAT, "corrupt", "damaged WebP: no frame in it");
    } else {
        status = decode(image, demuxer, &frame, options, err);
        WebPDemuxReleaseIterator(&frame);
    }
    WebPDemuxDelete(demuxer);
    return status;
}
#endif
