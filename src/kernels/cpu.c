// SPDX-License-Identifier: Apache-2.0
/*
 * Which kernel set this CPU runs. An instruction set counts when the CPU has it (CPUID) and the operating
 * system saves its registers (XGETBV); the compiler's builtin checks both.
 */
#include "kernels/kernels.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#if defined(__x86_64__)
static bool cpu_has_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool cpu_has_avx512(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && cpu_has_avx2();
}

/* VNNI for 256 bits (AVX-VNNI) came with other processors than VNNI for 512. */
static bool cpu_has_avxvnni(void)
{
    unsigned a, b, c, d;
    return cpu_has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && a & 1u << 4;
}

static bool cpu_has_avx512vnni(void)
{
    return cpu_has_avx512() && __builtin_cpu_supports("avx512vnni");
}
#endif

static bool cpu_has_all(void)
{
    return true;
}

/* Slowest first. A set is one line here and one set_*.c. */
static const struct {
    const struct pomk_kernels *kernels;
    bool (*supported)(void);
} sets[] = {
    {&pomk_kernels_scalar, cpu_has_all},
#if defined(__x86_64__)
    {&pomk_kernels_avx2, cpu_has_avx2},     {&pomk_kernels_avxvnni, cpu_has_avxvnni},
    {&pomk_kernels_avx512, cpu_has_avx512}, {&pomk_kernels_avx512vnni, cpu_has_avx512vnni},
#elif defined(__aarch64__)
    {&pomk_kernels_neon, cpu_has_all},
#endif
};
enum { N_SETS = sizeof sets / sizeof sets[0] };

int pomk_list(const struct pomk_kernels *list[POMK_MAX_SETS])
{
    _Static_assert(N_SETS <= POMK_MAX_SETS, "pomk_list would overflow its caller's array");
    int n = 0;
    for (int i = 0; i < N_SETS; i++)
        if (sets[i].supported()) list[n++] = sets[i].kernels;
    return n;
}

const struct pomk_kernels *pomk_choose(const char *limit)
{
    const bool limited = limit && strcmp(limit, "auto") != 0;
    const struct pomk_kernels *best = NULL;
    for (int i = 0; i < N_SETS; i++) {
        if (sets[i].supported()) best = sets[i].kernels;
        if (limited && strcmp(limit, sets[i].kernels->name) == 0) return best;
    }
    return limited ? NULL : best;
}
