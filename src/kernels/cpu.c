// SPDX-License-Identifier: Apache-2.0
/*
 * Which kernel set this CPU runs. An instruction set counts when the CPU has it (CPUID) and the operating
 * system saves its registers (XGETBV). The compiler's builtin would tell the same, but not every compiler's runtime
 * library has it: under Zig's it says no to everything.
 */
#include "kernels/kernels.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

#if defined(__x86_64__)
/* Bits of CPUID, Intel's Software Developer's Manual, volume 2, "CPUID". */
enum {
    LEAF1_ECX_FMA = 1 << 12,
    LEAF1_ECX_OSXSAVE = 1 << 27,
    LEAF7_EBX_AVX2 = 1 << 5,
    LEAF7_EBX_AVX512F = 1 << 16,
    LEAF7_EBX_AVX512DQ = 1 << 17,
    LEAF7_EBX_AVX512BW = 1 << 30,
    LEAF7_ECX_AVX512VNNI = 1 << 11,
    LEAF7_1_EAX_AVXVNNI = 1 << 4,
};
#define LEAF7_EBX_AVX512VL (1u << 31)

/* Which registers the operating system saves: bits of XCR0, by XGETBV. */
enum { SAVES_YMM = 0x06, SAVES_ZMM = 0xe6 };

struct cpuid {
    unsigned eax, ebx, ecx, edx;
};

/* All zero where the CPU has no such leaf. */
static struct cpuid cpuid(unsigned leaf, unsigned subleaf)
{
    struct cpuid answer = {0};
    __get_cpuid_count(leaf, subleaf, &answer.eax, &answer.ebx, &answer.ecx, &answer.edx);
    return answer;
}

static bool system_saves(unsigned registers)
{
    if (!(cpuid(1, 0).ecx & LEAF1_ECX_OSXSAVE)) return false;
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & registers) == registers;
}

static bool cpu_has_avx2(void)
{
    return system_saves(SAVES_YMM) && cpuid(1, 0).ecx & LEAF1_ECX_FMA && cpuid(7, 0).ebx & LEAF7_EBX_AVX2;
}

static bool cpu_has_avx512(void)
{
    const unsigned needed = LEAF7_EBX_AVX512F | LEAF7_EBX_AVX512DQ | LEAF7_EBX_AVX512BW | LEAF7_EBX_AVX512VL;
    return cpu_has_avx2() && system_saves(SAVES_ZMM) && (cpuid(7, 0).ebx & needed) == needed;
}

/* VNNI for 256 bits (AVX-VNNI) came with other processors than VNNI for 512. */
static bool cpu_has_avxvnni(void)
{
    return cpu_has_avx2() && cpuid(7, 1).eax & LEAF7_1_EAX_AVXVNNI;
}

static bool cpu_has_avx512vnni(void)
{
    return cpu_has_avx512() && cpuid(7, 0).ecx & LEAF7_ECX_AVX512VNNI;
}
#endif

static bool cpu_has_scalar(void)
{
    return true;
}

#if defined(__aarch64__)
static bool cpu_has_neon(void)
{
    return true; /* it is part of the architecture */
}

/* The dot product is optional in ARMv8.2 and always there from 8.4 on. */
static bool cpu_has_neondot(void)
{
#if defined(__linux__)
    return getauxval(AT_HWCAP) & HWCAP_ASIMDDP;
#elif defined(__APPLE__)
    int has = 0;
    size_t size_bytes = sizeof has;
    return sysctlbyname("hw.optional.arm.FEAT_DotProd", &has, &size_bytes, NULL, 0) == 0 && has;
#else
    return false;
#endif
}
#endif

/* The sets beside scalar, slowest first. A set is one name here, its cpu_has_NAME above, and one set_NAME.c. */
#if defined(__x86_64__)
#define FASTER_SETS(SET) SET(avx2) SET(avxvnni) SET(avx512) SET(avx512vnni)
#elif defined(__aarch64__)
#define FASTER_SETS(SET) SET(neon) SET(neondot)
#else
#define FASTER_SETS(SET)
#endif

#define ROW(name)  {&pomk_kernels_##name, cpu_has_##name},
#define WORD(name) ", " #name
static const struct {
    const struct pomk_kernels *kernels;
    bool (*supported)(void);
} sets[] = {ROW(scalar) FASTER_SETS(ROW)};
enum { N_SETS = sizeof sets / sizeof sets[0] };

const char *pomk_set_names(void)
{
    return "scalar" FASTER_SETS(WORD);
}

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
    int i = N_SETS - 1;
    if (limit && strcmp(limit, "auto") != 0)
        while (i >= 0 && strcmp(limit, sets[i].kernels->name) != 0) i--;
    /* Fastest first: in a virtual machine, each question to the processor takes microseconds. */
    while (i >= 0 && !sets[i].supported()) i--;
    return i >= 0 ? sets[i].kernels : NULL;
}
