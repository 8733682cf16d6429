// SPDX-License-Identifier: Apache-2.0
/*
 * Puts the page together: page/page.html with its marked lines replaced by the policy, the style sheet, the
 * scripts and the data. The content security policy names the hash of each script and of the style sheet and
 * allows nothing else, no connection at all: what is not ours cannot run, and the page cannot call home.
 */
#include <stdio.h>
#include <string.h>

#include "base/embedded.h"
#include "base/hash.h"
#include "config.h"
#include "report/data.h"
#include "report/thin.h"

#if POMI_HAVE_REPORT_PAGE

extern const struct pomi_embedded pomi_report_files[]; /* everything in page/, and picogl.min.js */

/* In the order in which they run. */
static const char *const scripts[] = {
    "picogl.min.js", "data.js", "text.js",   "thumbnails.js", "charts.js",   "camera.js",   "grid.js",
    "scatter.js",    "map.js",  "legend.js", "neighbours.js", "failures.js", "overview.js", "page.js"};
static const size_t n_scripts = sizeof scripts / sizeof scripts[0];

/* A script or the style sheet as it goes into the page: without the hint at the end of minified files where a
 * debugger finds their source, since following it would be a request. */
static struct pomi_view page_part(const char *name)
{
    struct pomi_view view = pomi_embedded_find(pomi_report_files, name);
    const char *hint = strstr((const char *)view.data, "\n//# sourceMappingURL=");
    if (hint != NULL) view.size_bytes = (size_t)(hint - (const char *)view.data);
    return view;
}

static enum pom_status append_view(struct pomi_bytes *html, struct pomi_view view, struct pom_error *err)
{
    return pomi_bytes_append(html, view.data, view.size_bytes, err);
}

static enum pom_status append_hash(struct pomi_bytes *html, struct pomi_view content, struct pom_error *err)
{
    uint8_t digest[POMI_MAX_DIGEST_BYTES];
    char text[POMI_BASE64_BYTES(POMI_MAX_DIGEST_BYTES)];
    pomi_base64(text, digest, pomi_digest(POMI_HASH_SHA256, content.data, content.size_bytes, digest));
    return pomi_bytes_print(html, err, " 'sha256-%s'", text);
}

static enum pom_status append_policy(struct pomi_bytes *html, struct pom_error *err)
{
    POMI_TRY(pomi_bytes_print(html, err,
                              "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                              "img-src data:; base-uri 'none'; form-action 'none'; style-src"));
    POMI_TRY(append_hash(html, page_part("page.css"), err));
    POMI_TRY(pomi_bytes_print(html, err, "; script-src"));
    for (size_t i = 0; i < n_scripts; i++) POMI_TRY(append_hash(html, page_part(scripts[i]), err));
    return pomi_bytes_print(html, err, "\">\n");
}

static enum pom_status append_style(struct pomi_bytes *html, struct pom_error *err)
{
    POMI_TRY(pomi_bytes_print(html, err, "<style>"));
    POMI_TRY(append_view(html, page_part("page.css"), err));
    return pomi_bytes_print(html, err, "</style>\n");
}

static enum pom_status append_scripts(struct pomi_bytes *html, struct pom_error *err)
{
    for (size_t i = 0; i < n_scripts; i++) {
        POMI_TRY(pomi_bytes_print(html, err, "<script>"));
        POMI_TRY(append_view(html, page_part(scripts[i]), err));
        POMI_TRY(pomi_bytes_print(html, err, "</script>\n"));
    }
    return POM_OK;
}

/* Appends the page, line by line, with each line that is "<!-- @NAME -->" replaced. */
static enum pom_status append_page(struct pomi_bytes *html, const struct pomi_report *report,
                                   const struct pomi_labels *labels, struct pom_error *err)
{
    struct pomi_view page = pomi_embedded_find(pomi_report_files, "page.html");
    const char *line = (const char *)page.data, *end = line + page.size_bytes;
    while (line < end) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *next = newline == NULL ? end : newline + 1;
        if (strncmp(line, "<!-- @policy", 12) == 0)
            POMI_TRY(append_policy(html, err));
        else if (strncmp(line, "<!-- @style", 11) == 0)
            POMI_TRY(append_style(html, err));
        else if (strncmp(line, "<!-- @data", 10) == 0)
            POMI_TRY(pomi_report_data(html, report, labels, err));
        else if (strncmp(line, "<!-- @scripts", 13) == 0)
            POMI_TRY(append_scripts(html, err));
        else
            POMI_TRY(pomi_bytes_append(html, line, (size_t)(next - line), err));
        line = next;
    }
    return POM_OK;
}

enum pom_status pomi_report_html(struct pomi_bytes *html, const struct pomi_report *report,
                                 struct pom_error *err)
{
    struct pomi_thinned thinned;
    struct pomi_labels labels = {0};
    POMI_TRY(pomi_thin(&thinned, report, POMI_REPORT_MAX_POINTS, err));
    enum pom_status status = pomi_labels_find(&labels, &thinned.report, err);
    if (status == POM_OK) status = append_page(html, &thinned.report, &labels, err);
    pomi_labels_release(&labels);
    pomi_thinned_release(&thinned);
    return status;
}

#else

enum pom_status pomi_report_html(struct pomi_bytes *html, const struct pomi_report *report,
                                 struct pom_error *err)
{
    (void)html;
    (void)report;
    return pomi_fail(
        err, POM_ERROR_UNSUPPORTED, "no_report",
        "this build has no HTML report: run tools/setup.sh, which fetches PicoGL.js, and build again");
}

#endif
