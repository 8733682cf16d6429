// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"
#include "verbs.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One line: what it is, whether it is there, its identity, and how to get it. */
static void print_entry(const struct settings *settings, const struct pom_network_entry *entry)
{
    struct pom_network *network = NULL;
    struct pom_error err = {0};
    bool is_there = entry->is_embedded || entry->is_installed;
    bool opens = is_there &&
                 pom_network_open(&network, entry->is_embedded ? entry->name : entry->path, &err) == POM_OK;
    const char *state = entry->is_embedded ? "embedded" : entry->is_installed ? "installed" : "not installed";
    const char *identity = opens ? pom_network_info(network)->identity : "";
    if (settings->json) {
        fputs("{\"name\":", stdout);
        print_json_text(stdout, entry->name);
        printf(",\"state\":\"%s\",\"identity\":\"%s\",\"path\":", state, identity);
        print_json_text(stdout, entry->path);
        puts("}");
    } else {
        printf("%-14s %-14s %-13.12s ", entry->name, state, identity);
        if (opens)
            printf("%d features\n", pom_network_info(network)->n_features);
        else if (entry->is_installed)
            printf("damaged: %s\n", err.message);
        else
            printf("pomona network pull %s (%.0f MB)\n", entry->name, (double)entry->download_bytes * 1e-6);
    }
    pom_network_free(network);
}

static int list(struct settings *settings)
{
    struct pom_error err = {0};
    struct pom_network_entry *entries = NULL;
    size_t n_entries = 0;
    if (pom_network_list(&entries, &n_entries, &err) != POM_OK) return terminal_fail(settings, &err);
    for (size_t i = 0; i < n_entries; i++) print_entry(settings, &entries[i]);
    pom_network_list_free(entries);
    return EXIT_ALL_WRITTEN;
}

static int show_download(void *user, int64_t received_bytes, int64_t total_bytes)
{
    const struct settings *settings = user;
    if (!settings->quiet && isatty(STDERR_FILENO)) {
        fprintf(stderr, "\r\033[K%.1f", (double)received_bytes * 1e-6);
        if (total_bytes > 0) fprintf(stderr, " of %.1f", (double)total_bytes * 1e-6);
        fputs(" MB", stderr);
        if (total_bytes > 0 && received_bytes >= total_bytes) fputc('\n', stderr);
    }
    return 0;
}

static int show_calibration(void *user, int n_done, int n_photos)
{
    const struct settings *settings = user;
    if (!settings->quiet && isatty(STDERR_FILENO)) {
        fprintf(stderr, "\r\033[K%d of %d photos", n_done, n_photos);
        if (n_done == n_photos) fputc('\n', stderr);
    }
    return 0;
}

static int calibrate(struct settings *settings, const char *name, const char *photos)
{
    struct pom_error err = {0};
    struct pom_calibrate_options options;
    pom_calibrate_options_init(&options);
    options.photos = photos;
    options.glob = settings->run.glob;
    options.max_photos = settings->n_photos;
    options.progress = show_calibration;
    options.user = settings;
    struct pom_network *network = NULL;
    enum pom_status status = pom_network_calibrate(name, settings->file, &options, &err);
    if (status == POM_OK)
        status = pom_network_open(&network, settings->file != NULL ? settings->file : name, &err);
    if (status != POM_OK) return terminal_fail(settings, &err);
    printf("%s: %s, calibration %.12s\n", settings->file != NULL ? settings->file : name,
           pom_network_info(network)->identity, pom_network_info(network)->calibration);
    pom_network_free(network);
    return EXIT_ALL_WRITTEN;
}

static int pull(struct settings *settings, const char *name)
{
    struct pom_error err = {0};
    struct pom_pull_options options;
    pom_pull_options_init(&options);
    options.address = settings->address;
    options.progress = show_download;
    options.user = settings;
    if (pom_network_pull(name, &options, &err) != POM_OK) return terminal_fail(settings, &err);
    if (!settings->quiet)
        fprintf(stderr,
                "%s is installed and verified; for --precision int16 or int8: pomona network calibrate %s "
                "[PHOTOS]\n",
                name, name);
    return EXIT_ALL_WRITTEN;
}

/* FILE without its folder and ending, with .pomona instead. */
static bool default_destination(char *path, size_t path_bytes, const char *source)
{
    static const char *const endings[] = {".weights.h5", ".h5", ".hdf5", ".safetensors", ".onnx"};
    const char *name = strrchr(source, '/');
    name = name != NULL ? name + 1 : source;
    size_t name_bytes = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t ending_bytes = strlen(endings[i]);
        if (name_bytes <= ending_bytes || strcmp(name + name_bytes - ending_bytes, endings[i]) != 0) continue;
        name_bytes -= ending_bytes;
        break;
    }
    return snprintf(path, path_bytes, "%.*s.pomona", (int)name_bytes, name) < (int)path_bytes;
}

/* What to do with a network file: name it, or put it where names are looked for. */
static void say_how_to_use(const char *destination, const char *name)
{
    char folder[PATH_MAX];
    if (pom_network_folder(folder, sizeof folder, NULL) != POM_OK) return;
    if (strncmp(destination, folder, strlen(folder)) == 0) return;
    fprintf(stderr, "use it by --network %s, or install it: as %s/%s.pomona it is %s\n", destination, folder,
            name, name);
}

static int convert(struct settings *settings, const char *source)
{
    struct pom_error err = {0};
    char destination[PATH_MAX];
    if (settings->file != NULL)
        snprintf(destination, sizeof destination, "%s", settings->file);
    else if (!default_destination(destination, sizeof destination, source))
        return EXIT_USAGE;
    if (pom_network_convert(source, destination, &settings->convert, &err) != POM_OK)
        return terminal_fail(settings, &err);
    struct pom_network *network = NULL;
    if (pom_network_open(&network, destination, &err) != POM_OK) return terminal_fail(settings, &err);
    printf("%s: %s\n", destination, pom_network_info(network)->identity);
    if (!settings->quiet) say_how_to_use(destination, pom_network_info(network)->name);
    pom_network_free(network);
    return EXIT_ALL_WRITTEN;
}

static void print_layers(const struct pom_network *network, int n_layers)
{
    printf("\n%-28s %-20s %-9s %-15s %12s %14s\n", "layer", "kind", "kernel", "output", "parameters",
           "multiply-adds");
    for (int i = 0; i < n_layers; i++) {
        struct pom_layer_info layer;
        if (pom_network_layer(network, i, &layer, NULL) != POM_OK) return;
        char kernel[32], output[48];
        snprintf(kernel, sizeof kernel, "%dx%d/%d", layer.kernel_px, layer.kernel_px, layer.stride_px);
        snprintf(output, sizeof output, "%dx%dx%d", layer.out_height_px, layer.out_width_px,
                 layer.out_channels);
        printf("%-28s %-20s %-9s %-15s %12" PRId64 " %14" PRId64 "\n", layer.name, layer.kind, kernel, output,
               layer.n_parameters, layer.n_macs);
    }
}

static void print_info_json(const struct pom_network_info *info)
{
    printf("{\"name\":");
    print_json_text(stdout, info->name);
    printf(",\"identity\":\"%s\",\"input_px\":%d,\"n_features\":%d,\"n_layers\":%d,\"n_parameters\":%" PRId64
           ",\"n_macs\":%" PRId64
           ",\"preprocessing\":\"%s\",\"padding\":\"%s\",\"calibration\":\"%s\",\"origin\":",
           info->identity, info->input_px, info->n_features, info->n_layers, info->n_parameters, info->n_macs,
           info->preprocessing, info->padding, info->calibration);
    print_json_text(stdout, info->origin);
    fputs(",\"licence\":", stdout);
    print_json_text(stdout, info->licence);
    printf(",\"training\":%s}\n", info->training[0] != '\0' ? info->training : "null");
}

static int info(struct settings *settings, const char *name)
{
    struct pom_error err = {0};
    struct pom_network *network = NULL;
    if (pom_network_open(&network, name, &err) != POM_OK) return terminal_fail(settings, &err);
    const struct pom_network_info *info = pom_network_info(network);
    if (settings->json) {
        print_info_json(info);
    } else {
        printf("name           %s\nidentity       %s\ninput          %dx%d RGB, preprocessing %s, padding "
               "%s\nfeatures       %d\n"
               "parameters     %" PRId64 "\nmultiply-adds  %" PRId64
               "\ncalibration    %s\norigin         %s\nlicence        %s\n",
               info->name, info->identity, info->input_px, info->input_px, info->preprocessing, info->padding,
               info->n_features, info->n_parameters, info->n_macs,
               info->calibration[0] != '\0' ? info->calibration : "none: `pomona network calibrate` adds it",
               info->origin, info->licence);
        if (info->training[0] != '\0')
            puts("training       data, settings and quality are in the file: --json shows them");
        print_layers(network, info->n_layers);
    }
    pom_network_free(network);
    return EXIT_ALL_WRITTEN;
}

static int verify(struct settings *settings, const char *name)
{
    struct pom_error err = {0};
    struct pom_network *network = NULL;
    enum pom_status status = pom_network_open(&network, name, &err);
    if (status == POM_OK) status = pom_network_verify(network, &err);
    if (status == POM_OK && !settings->quiet)
        printf("%s: the features of the built-in image are as they should be\n",
               pom_network_info(network)->name);
    pom_network_free(network);
    return status == POM_OK ? EXIT_ALL_WRITTEN : terminal_fail(settings, &err);
}

int verb_network(struct settings *settings)
{
    const char *what = settings->arguments[0], *name = settings->arguments[1];
    if (strcmp(what, "list") == 0 && name == NULL) return list(settings);
    if (name == NULL) {
        fputs("pomona network: usage: network list, or network pull|convert|calibrate|info|verify NAME (see "
              "pomona "
              "network --help)\n",
              stderr);
        return EXIT_USAGE;
    }
    if (strcmp(what, "calibrate") == 0) return calibrate(settings, name, settings->arguments[2]);
    if (settings->n_arguments > 2) {
        fprintf(stderr, "pomona network %s: one NAME, not also %s\n", what, settings->arguments[2]);
        return EXIT_USAGE;
    }
    if (strcmp(what, "pull") == 0) return pull(settings, name);
    if (strcmp(what, "convert") == 0) return convert(settings, name);
    if (strcmp(what, "info") == 0) return info(settings, name);
    if (strcmp(what, "verify") == 0) return verify(settings, name);
    fprintf(stderr, "pomona network: there is no %s; use list, pull, convert, calibrate, info or verify\n",
            what);
    return EXIT_USAGE;
}
