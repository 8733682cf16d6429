// SPDX-License-Identifier: Apache-2.0
/*
 * A library of the host, opened when it is first needed instead of linked. Each of its functions that are called here is
 * defined under its own name and jumps to the host's, so callers include the library's header and notice nothing, and this
 * library shows none of the names. To include in the one file that opens the library, after
 *
 *     #define FUNCTIONS(_) _(curl_easy_init) _(curl_easy_perform) ...
 *
 * Then `pomi_host_find(library, &missing)` finds them all. A jump leaves registers and stack as the caller made them: any
 * function will do, those with "..." too. Before a function is found it must not be called.
 */
#ifndef POMONA_BASE_HOST_LIBRARY_H
#define POMONA_BASE_HOST_LIBRARY_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>

#if defined(__x86_64__)
#define POMI_JUMP(name) "    jmp *host_" #name "(%rip)\n"
#elif defined(__aarch64__)
/* x16 is the linker's between two functions: AAPCS64, "IP0". */
#define POMI_JUMP(name) "    adrp x16, host_" #name "\n    ldr x16, [x16, :lo12:host_" #name "]\n    br x16\n"
#else
#error "opening libraries at run time is written for x86-64 and aarch64"
#endif

#define POMI_HOST_FUNCTION(name)                                                                             \
    __attribute__((visibility("hidden"), used)) void *host_##name;                                           \
    __asm__(".pushsection .text\n    .balign 16\n    .globl " #name "\n    .hidden " #name                   \
            "\n    .type " #name ", %function\n" #name ":\n" POMI_JUMP(name) ".popsection\n");
#define POMI_HOST_ROW(name) {#name, &host_##name},

FUNCTIONS(POMI_HOST_FUNCTION)

static const struct {
    const char *name;
    void **address;
} host_functions[] = {FUNCTIONS(POMI_HOST_ROW)};

/* Whether `library` has all functions; else *missing is the name of one that it has not. */
static inline bool pomi_host_find(void *library, const char **missing)
{
    for (size_t i = 0; i < sizeof host_functions / sizeof host_functions[0]; i++) {
        *host_functions[i].address = dlsym(library, host_functions[i].name);
        *missing = host_functions[i].name;
        if (*host_functions[i].address == NULL) return false;
    }
    return true;
}

#endif
