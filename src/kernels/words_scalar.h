// SPDX-License-Identifier: Apache-2.0
/*
 * The registers of the scalar set's 16-bit integers, and the meaning of the operations on them. `lanes` are
 * VECTOR_LANES integers of 32 bits, each also a dword of two words; `words` are twice as many of 16 bits.
 *   multiply_add_words  acc + x.first * w.first + x.second * w.second, in 32 bits
 *   scale          to float, times a float, to the nearest integer: three roundings, halves to even
 *   pack           two registers of lanes to one of words, saturated; widen_low and widen_high undo it
 *   pair_low/high  dwords of a word of `a` (first) and the word of `b` in the same place; pack brings results back into
 *                  the words' order. Which words are `low` is the set's choice: WORD_COLUMN_CHANNEL says so.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#define VECTOR_LANES                1
#define WORD_COLUMN_CHANNEL(column) (column)
typedef int32_t lanes;
typedef struct {
    int16_t low, high;
} words;

static inline lanes load_lanes(const void *p)
{
    int32_t a;
    memcpy(&a, p, sizeof a);
    return a;
}
static inline void store_lanes(void *p, lanes a)
{
    memcpy(p, &a, sizeof a);
}
static inline lanes lanes_set(int32_t a)
{
    return a;
}
static inline lanes lanes_add(lanes a, lanes b)
{
    return a + b;
}
static inline words split(lanes a)
{
    return (words){(int16_t)(a & 0xffff), (int16_t)(a >> 16)};
}
static inline lanes multiply_add_words(lanes x, lanes w, lanes acc)
{
    const words a = split(x), b = split(w);
    return acc + a.low * b.low + a.high * b.high;
}
static inline lanes scale(lanes a, const float *multipliers)
{
    return (lanes)lrintf((float)a * *multipliers);
}
static inline words words_load(const int16_t *p)
{
    return (words){p[0], p[1]};
}
static inline void words_store(int16_t *p, words a)
{
    p[0] = a.low;
    p[1] = a.high;
}
static inline void words_store_anywhere(int16_t *p, words a)
{
    words_store(p, a);
}
static inline words words_from_bytes(const uint8_t *p)
{
    return (words){p[0], p[1]};
}
static inline words words_set(int a)
{
    return (words){(int16_t)a, (int16_t)a};
}
static inline int16_t saturate(int a)
{
    return (int16_t)(a < INT16_MIN ? INT16_MIN : a > INT16_MAX ? INT16_MAX : a);
}
static inline words pack(lanes low, lanes high)
{
    return (words){saturate(low), saturate(high)};
}
static inline lanes widen_low(words a)
{
    return a.low;
}
static inline lanes widen_high(words a)
{
    return a.high;
}
static inline lanes pair(int16_t first, int16_t second)
{
    return (lanes)((uint32_t)(uint16_t)second << 16 | (uint16_t)first);
}
static inline lanes pair_low(words a, words b)
{
    return pair(a.low, b.low);
}
static inline lanes pair_high(words a, words b)
{
    return pair(a.high, b.high);
}
static inline words words_add(words a, words b)
{
    return (words){saturate(a.low + b.low), saturate(a.high + b.high)};
}
static inline words words_multiply(words a, words b) /* the lower 16 bits */
{
    return (words){(int16_t)(a.low * b.low), (int16_t)(a.high * b.high)};
}
static inline words words_greater(words a, words b)
{
    return (words){a.low > b.low ? a.low : b.low, a.high > b.high ? a.high : b.high};
}
static inline words words_smaller(words a, words b)
{
    return (words){a.low < b.low ? a.low : b.low, a.high < b.high ? a.high : b.high};
}
