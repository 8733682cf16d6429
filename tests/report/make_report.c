// SPDX-License-Identifier: Apache-2.0
/*
 * Writes a report of made-up photos for the browser test:
 *
 *     make_report OUT.html N_POINTS N_LABELS N_COMPONENTS [hostile]
 *
 * Photo i belongs to label i * N_LABELS / N_POINTS; photos of a label lie round a point of their own, and
 * photo 2j + 1 is always the nearest neighbour of photo 2j. `hostile` gives names that try to break out of
 * the page.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

static const char *const hostile[] = {
    "</script><script>window.owned = 1</script>",
    "<img src=x onerror=\"window.owned = 1\">",
    "it's \"quoted\" & {{braces}} ${dollar} `tick`",
    "two\nlines\rand\ttab",
    "harmless\xe2\x80\xaegpj.exe",
    ("\xf0\x9f\x8d\x8e\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x8c\xbe caf\xc3\xa9 \xe6\xa2\xa8 "
     "\xd8\xaa\xd9\x81\xd8\xa7\xd8\xad"),
    "invalid \xff\xfe\xc3( bytes",
    "javascript:alert(1)//--><!--<script>",
};
enum { N_HOSTILE = sizeof hostile / sizeof hostile[0] };

/* Numbers that look random and are the same everywhere (splitmix64), in -1..1. */
static double noise(uint64_t i)
{
    i += 0x9e3779b97f4a7c15;
    i = (i ^ i >> 30) * 0xbf58476d1ce4e5b9;
    i = (i ^ i >> 27) * 0x94d049bb133111eb;
    return (double)(int64_t)(i ^ i >> 31) / 9223372036854775808.0;
}

static char *printed(const char *format, const char *text, size_t number)
{
    char line[256];
    snprintf(line, sizeof line, format, text, number);
    return strdup(line);
}

/* A disc of the label's colour on white. Every 50th photo is gone. */
static bool load_photo(void *user, size_t index, struct pom_image *image)
{
    const size_t *label_of = user;
    if (index % 50 == 49) return false;
    if (image->pixels == NULL) {
        image->capacity_bytes = 100 * 80 * 3;
        image->pixels = malloc(image->capacity_bytes);
        image->width_px = 100;
        image->height_px = 80;
    }
    for (int y = 0; y < 80; y++)
        for (int x = 0; x < 100; x++) {
            bool inside = (x - 50) * (x - 50) + (y - 40) * (y - 40) < 900;
            for (int c = 0; c < 3; c++)
                image->pixels[(y * 100 + x) * 3 + c] =
                    inside ? (uint8_t)(label_of[index] * (size_t)(c * 40 + 31) % 200) : 255;
        }
    return true;
}

static const char manifest[] = "{\"version\": \"0.1.0\", \"network\": {\"name\": \"orchard\", \"identity\": "
                               "\"0f1e2d\", \"selection\": \"auto: no other "
                               "network is installed\", \"input_px\": 224, \"n_features\": 1280}, "
                               "\"counts\": {\"listed\": %zu, \"written\": %zu, "
                               "\"failed\": %zu, \"by_reason\": {}}, \"seconds\": {\"list\": 0.01, "
                               "\"extract\": 3.5, \"fit\": 0.4, \"transform\": 0.1, "
                               "\"per_stage\": {\"read\": 0.1, \"decode\": 0.5, \"resize\": 0.8, \"cnn\": "
                               "5.2, \"write\": 0.1}}, \"photos_per_second\": 51.25, "
                               "\"peak_memory_bytes\": 150000000, \"threads\": 2, \"cpu\": \"avx2\"}";

int main(int argc, char **argv)
{
    if (argc < 5) {
        fputs("usage: make_report OUT.html N_POINTS N_LABELS N_COMPONENTS [hostile]\n", stderr);
        return 2;
    }
    size_t n_points = strtoul(argv[2], NULL, 10), n_labels = strtoul(argv[3], NULL, 10);
    int n_components = atoi(argv[4]);
    bool is_hostile = argc > 5, has_pca = n_components > 0;

    char **labels = calloc(n_points + 1, sizeof *labels), **paths = calloc(n_points + 1, sizeof *paths);
    size_t *label_of = calloc(n_points + 1, sizeof *label_of);
    float *projected = calloc(n_points * (size_t)n_components + 1, sizeof *projected);
    double *ratios = calloc((size_t)n_components + 1, sizeof *ratios);
    for (size_t i = 0; i < n_points; i++) {
        label_of[i] = n_labels == 0 ? 0 : i * n_labels / n_points;
        const char *text = is_hostile ? hostile[label_of[i] % N_HOSTILE] : "Sort";
        labels[i] = n_labels == 0 ? strdup("") : printed("%s %03zu", text, label_of[i]);
        paths[i] = is_hostile ? printed("in/%s/%zu.jpg", hostile[i % N_HOSTILE], i)
                              : printed("in/%s/%06zu.jpg", labels[i], i);
        for (int c = 0; c < n_components; c++) {
            uint64_t at = (uint64_t)c << 40;
            double value = 10 * noise(at + label_of[i]) + noise(at + (i / 2) + 1000003) +
                           0.001 * noise(at + i + 2000003);
            projected[i * (size_t)n_components + (size_t)c] = (float)(value * 8 / (8 + c));
        }
    }
    for (int c = 0; c < n_components; c++) ratios[c] = 0.25 / (1 << (c < 20 ? c / 2 : 10));
    struct pomi_failure failures[300];
    size_t n_failures = is_hostile ? 300 : 0;
    for (size_t i = 0; i < n_failures; i++)
        failures[i] = (struct pomi_failure){
            printed("%s/%zu", hostile[i % N_HOSTILE], i), hostile[i % N_HOSTILE], "decode",
            i % 3 ? "truncated" : "not_an_image", hostile[(i + 1) % N_HOSTILE]};
    char run[2048];
    snprintf(run, sizeof run, manifest, n_points + n_failures, n_points, n_failures);
    struct pomi_report report = {.title = is_hostile ? hostile[0] : "made-up photos",
                                 .manifest_json = run,
                                 .n_points = n_points,
                                 .paths = (const char *const *)paths,
                                 .labels = n_labels == 0 ? NULL : (const char *const *)labels,
                                 .n_components = n_components,
                                 .projected = has_pca ? projected : NULL,
                                 .ratios = has_pca ? ratios : NULL,
                                 .n_ratios = n_components,
                                 .failures = failures,
                                 .n_failures = n_failures,
                                 .load_photo = load_photo,
                                 .user = label_of};
    struct pomi_bytes html = {0};
    struct pom_error err = {0};
    if (pomi_report_html(&html, &report, &err) != POM_OK) {
        fprintf(stderr, "make_report: %s\n", err.message);
        return err.status == POM_ERROR_UNSUPPORTED ? 77 : 1;
    }
    FILE *out = fopen(argv[1], "wb");
    bool written =
        out != NULL && fwrite(html.data, 1, html.size_bytes, out) == html.size_bytes && fclose(out) == 0;
    pomi_bytes_release(&html);
    for (size_t i = 0; i < n_failures; i++) free((char *)failures[i].path);
    for (size_t i = 0; i < n_points; i++) {
        free(labels[i]);
        free(paths[i]);
    }
    free(labels);
    free(paths);
    free(label_of);
    free(projected);
    free(ratios);
    return written ? 0 : 1;
}
