// SPDX-License-Identifier: Apache-2.0
/*
 * The vector of the NEON set (aarch64): four floats, 32 registers. See vector_scalar.h for the meaning of each
 * operation. The instructions fmax and fmin treat NaN and zeros in their own way, hence comparison and selection.
 */
#include <arm_neon.h>
#include <string.h>

#define VECTOR_LANES 4
typedef float32x4_t vector;

static inline vector vector_load(const float *p)
{
    return vld1q_f32(p);
}
static inline void vector_store(float *p, vector a)
{
    vst1q_f32(p, a);
}
static inline void vector_store_anywhere(float *p, vector a)
{
    vst1q_f32(p, a);
}
static inline vector vector_from_bytes(const uint8_t *p)
{
    uint32_t bytes;
    memcpy(&bytes, p, sizeof bytes);
    const uint16x8_t words = vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(bytes)));
    return vcvtq_f32_u32(vmovl_u16(vget_low_u16(words)));
}
static inline vector vector_set(float x)
{
    return vdupq_n_f32(x);
}
static inline vector vector_multiply_add(vector a, vector b, vector c)
{
    return vfmaq_f32(c, a, b);
}
static inline vector vector_add(vector a, vector b)
{
    return vaddq_f32(a, b);
}
static inline vector vector_greater(vector a, vector b)
{
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}
static inline vector vector_smaller(vector a, vector b)
{
    return vbslq_f32(vcltq_f32(a, b), a, b);
}

static inline void weigh_16(int32x4_t sums[4], const uint8_t *input, int32_t weight)
{
    const uint8x16_t bytes = vld1q_u8(input);
    const uint16x8_t low = vmovl_u8(vget_low_u8(bytes)), high = vmovl_high_u8(bytes);
    sums[0] = vmlaq_n_s32(sums[0], vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(low))), weight);
    sums[1] = vmlaq_n_s32(sums[1], vreinterpretq_s32_u32(vmovl_high_u16(low)), weight);
    sums[2] = vmlaq_n_s32(sums[2], vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(high))), weight);
    sums[3] = vmlaq_n_s32(sums[3], vreinterpretq_s32_u32(vmovl_high_u16(high)), weight);
}

/* Sums to bytes: shifted they fit into 16 bits, and the last step clips. */
static inline void clip_16(uint8_t *output, const int32x4_t sums[4])
{
    const int16x8_t low = vcombine_s16(vmovn_s32(vshrq_n_s32(sums[0], POMK_RESAMPLE_BITS)),
                                       vmovn_s32(vshrq_n_s32(sums[1], POMK_RESAMPLE_BITS)));
    const int16x8_t high = vcombine_s16(vmovn_s32(vshrq_n_s32(sums[2], POMK_RESAMPLE_BITS)),
                                        vmovn_s32(vshrq_n_s32(sums[3], POMK_RESAMPLE_BITS)));
    vst1q_u8(output, vcombine_u8(vqmovun_s16(low), vqmovun_s16(high)));
}

/* 48 neighbouring bytes of n_weights rows, weighed: see POMK_RESAMPLE_BITS. */
static inline void weigh_48(uint8_t *output, const uint8_t *input, ptrdiff_t stride, const int32_t *weights,
                            int n_weights)
{
    const int32x4_t half = vdupq_n_s32(POMK_RESAMPLE_HALF);
    int32x4_t sums[12] = {half, half, half, half, half, half, half, half, half, half, half, half};
    for (int t = 0; t < n_weights; t++, input += stride) {
        weigh_16(sums, input, weights[t]);
        weigh_16(sums + 4, input + 16, weights[t]);
        weigh_16(sums + 8, input + 32, weights[t]);
    }
    clip_16(output, sums);
    clip_16(output + 16, sums + 4);
    clip_16(output + 32, sums + 8);
}
