// SPDX-License-Identifier: Apache-2.0
/*
 * What the kernel templates share: loops that must unroll, functions that must or must not be inlined,
 * activation. A template's sizes are function parameters that are constants after inlining.
 */
#ifndef POMK_TEMPLATE_H
#define POMK_TEMPLATE_H

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define NEVER_INLINE  __attribute__((noinline))

/* Placed before a loop over registers: an array of vectors stays in registers only when every index is a
 * constant. */
#if defined(POMK_SANITIZED) /* checks in unrolled loops take minutes to compile */
#define UNROLL
#elif defined(__clang__)
/* A template serves constant sizes, where its loops unroll, and any size, where they cannot. */
#pragma clang diagnostic ignored "-Wpass-failed"
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* A value that is fetched from memory each time. Where general registers run out, gcc would keep it in a vector register and
 * move it back through the units that multiply. */
#define READ_AGAIN(value) (*(const volatile __typeof__(value) *)&(value))

/* Asks for a cache line in the second level: it will be needed soon, not next. */
#define LINE_BYTES  64
#define PREFETCH(p) __builtin_prefetch(p, 0, 2)

#endif
