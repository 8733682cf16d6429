// SPDX-License-Identifier: Apache-2.0
/*
 * Bytes on NEON with the dot product of ARMv8.2, beside the registers of words_neon.h. See bytes_conv.h for the meaning
 * of each operation. That product takes signed bytes: values are multiplied less 128, which is one bit of theirs.
 */
#include "kernels/words_neon.h"

#define VALUE_OFFSET 128
typedef uint8x16_t byte_group, byte_block;

static inline uint8x16_t less_offset(uint8x16_t a)
{
    return veorq_u8(a, vdupq_n_u8(VALUE_OFFSET));
}
static inline lanes broadcast_bytes(const uint8_t *p)
{
    return vreinterpretq_s32_u8(
        less_offset(vreinterpretq_u8_s32(vld1q_dup_s32((const int32_t *)(const void *)p))));
}
static inline lanes multiply_add_bytes(lanes x, lanes w, lanes acc)
{
    return vdotq_s32(acc, vreinterpretq_s8_s32(x), vreinterpretq_s8_s32(w));
}

static inline byte_group pack_words(words low, words high)
{
    return vcombine_u8(vqmovun_s16(low), vqmovun_s16(high));
}
static inline words arrange(words packed)
{
    return packed;
}
static inline lanes first_lanes(words a)
{
    return widen_low(a);
}
static inline lanes second_lanes(words a)
{
    return widen_high(a);
}
static inline lanes lanes_from_bytes(const uint8_t *p)
{
    return (lanes){p[0], p[1], p[2], p[3]};
}

static inline void bytes_store_anywhere(uint8_t *p, byte_group a)
{
    vst1q_u8(p, a);
}
static inline byte_block bytes_block(byte_group a, int index)
{
    (void)index; /* there is one */
    return a;
}
static inline void block_store(uint8_t *p, byte_block a)
{
    vst1q_u8(p, a);
}

/* n of four pixels; those not read meet weights of zero. */
static inline void turn(lanes to[16 / VECTOR_LANES], const uint8_t *p, int n)
{
    const uint8x16_t none = vdupq_n_u8(0), p0 = vld1q_u8(p), p1 = n > 1 ? vld1q_u8(p + 16) : none,
                     p2 = n > 2 ? vld1q_u8(p + 32) : none, p3 = n > 3 ? vld1q_u8(p + 48) : none;
    const uint16x8x2_t low = vzipq_u16(vreinterpretq_u16_u8(vzip1q_u8(p0, p1)),
                                       vreinterpretq_u16_u8(vzip1q_u8(p2, p3))),
                       high = vzipq_u16(vreinterpretq_u16_u8(vzip2q_u8(p0, p1)),
                                        vreinterpretq_u16_u8(vzip2q_u8(p2, p3)));
    to[0] = vreinterpretq_s32_u8(less_offset(vreinterpretq_u8_u16(low.val[0])));
    to[1] = vreinterpretq_s32_u8(less_offset(vreinterpretq_u8_u16(low.val[1])));
    to[2] = vreinterpretq_s32_u8(less_offset(vreinterpretq_u8_u16(high.val[0])));
    to[3] = vreinterpretq_s32_u8(less_offset(vreinterpretq_u8_u16(high.val[1])));
}
