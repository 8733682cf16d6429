// SPDX-License-Identifier: Apache-2.0
/*
 * The registers of NEON: 8 words, 4 lanes. See words_scalar.h for the meaning of each operation. A dword's two words
 * are taken apart to vectors of their own: the compiler does that once per weight and once per pixel of a tile, so that a
 * multiplication of dwords costs two instructions. They are long ones (smlal): some cores do those twice as often as
 * multiplications of lanes.
 */
#include <arm_neon.h>
#include <stdint.h>
#include <string.h>

#define VECTOR_LANES                4
#define WORD_COLUMN_CHANNEL(column) (column)
typedef int32x4_t lanes;
typedef int16x8_t words;

static inline lanes load_lanes(const void *p)
{
    return vld1q_s32(p);
}
static inline void store_lanes(void *p, lanes a)
{
    vst1q_s32(p, a);
}
static inline lanes lanes_set(int32_t a)
{
    return vdupq_n_s32(a);
}
static inline lanes lanes_add(lanes a, lanes b)
{
    return vaddq_s32(a, b);
}
static inline lanes multiply_add_words(lanes x, lanes w, lanes acc)
{
    acc = vmlal_s16(acc, vmovn_s32(x), vmovn_s32(w));
    return vmlal_s16(acc, vshrn_n_s32(x, 16), vshrn_n_s32(w, 16));
}
static inline lanes scale(lanes a, const float *multipliers)
{
    return vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(a), vld1q_f32(multipliers)));
}
static inline words words_load(const int16_t *p)
{
    return vld1q_s16(p);
}
static inline void words_store(int16_t *p, words a)
{
    vst1q_s16(p, a);
}
static inline words words_load_anywhere(const int16_t *p)
{
    return vld1q_s16(p);
}
static inline void words_store_anywhere(int16_t *p, words a)
{
    vst1q_s16(p, a);
}
static inline words words_from_bytes(const uint8_t *p)
{
    return vreinterpretq_s16_u16(vmovl_u8(vld1_u8(p)));
}
static inline words words_set(int a)
{
    return vdupq_n_s16((int16_t)a);
}
static inline words pack(lanes low, lanes high)
{
    return vcombine_s16(vqmovn_s32(low), vqmovn_s32(high));
}
static inline lanes widen_low(words a)
{
    return vmovl_s16(vget_low_s16(a));
}
static inline lanes widen_high(words a)
{
    return vmovl_high_s16(a);
}
static inline lanes pair_low(words a, words b)
{
    return vreinterpretq_s32_s16(vzip1q_s16(a, b));
}
static inline lanes pair_high(words a, words b)
{
    return vreinterpretq_s32_s16(vzip2q_s16(a, b));
}
static inline words words_add(words a, words b)
{
    return vqaddq_s16(a, b);
}
static inline words words_multiply(words a, words b)
{
    return vmulq_s16(a, b);
}
static inline words words_greater(words a, words b)
{
    return vmaxq_s16(a, b);
}
static inline words words_smaller(words a, words b)
{
    return vminq_s16(a, b);
}
