// SPDX-License-Identifier: Apache-2.0
/*
 * Turns files into one C source with a table of them, so that the library carries its data wherever it goes.
 *
 *     embed OUT.c TABLE NAME=FILE...
 *
 * writes `const struct pomi_embedded TABLE[]` (base/embedded.h). The bytes are written as string literals:
 * compilers take those many times faster than lists of numbers, and every target understands them, which is
 * not so of .incbin.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void fail(const char *what, const char *name)
{
    fprintf(stderr, "embed: %s: %s\n", name, what);
    exit(1);
}

/* Writes the file's bytes as literals of one line each. A byte after an octal escape may be a digit, so every
 * escape has three digits; `?` is escaped against trigraphs. Returns the size. */
static unsigned long write_bytes(FILE *out, const char *file_name)
{
    FILE *in = fopen(file_name, "rb");
    if (in == NULL) fail("cannot be opened", file_name);
    unsigned long size_bytes = 0;
    for (int byte; (byte = getc(in)) != EOF; size_bytes++) {
        if (size_bytes % 64 == 0) fputs(size_bytes == 0 ? "    \"" : "\"\n    \"", out);
        if (byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\' && byte != '?')
            putc(byte, out);
        else
            fprintf(out, "\\%03o", (unsigned)byte);
    }
    if (ferror(in)) fail("cannot be read", file_name);
    fputs(size_bytes == 0 ? "    \"\";\n" : "\";\n", out);
    fclose(in);
    return size_bytes;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fputs("usage: embed OUT.c TABLE NAME=FILE...\n", stderr);
        return 2;
    }
    FILE *out = fopen(argv[1], "wb");
    if (out == NULL) fail("cannot be written", argv[1]);
    int n_files = argc - 3;
    unsigned long *sizes_bytes = calloc((size_t)n_files, sizeof *sizes_bytes);
    if (sizes_bytes == NULL) fail("out of memory", argv[1]);

    fputs("/* Made by tools/embed.c. */\n#include \"base/embedded.h\"\n", out);
    fprintf(out, "extern const struct pomi_embedded %s[];\n", argv[2]);
    for (int i = 0; i < n_files; i++) {
        const char *file_name = strchr(argv[3 + i], '=');
        if (file_name == NULL) fail("expected NAME=FILE", argv[3 + i]);
        fprintf(out, "static const unsigned char file_%d[] =\n", i);
        sizes_bytes[i] = write_bytes(out, file_name + 1);
    }
    fprintf(out, "const struct pomi_embedded %s[] = {\n", argv[2]);
    for (int i = 0; i < n_files; i++) {
        int name_length = (int)(strchr(argv[3 + i], '=') - argv[3 + i]);
        fprintf(out, "    {\"%.*s\", file_%d, %luu},\n", name_length, argv[3 + i], i, sizes_bytes[i]);
    }
    fputs("    {0, 0, 0},\n};\n", out);
    free(sizes_bytes);
    if (ferror(out) || fclose(out) != 0) fail("cannot be written", argv[1]);
    return 0;
}
