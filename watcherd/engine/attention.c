/* Attention of a few queries at a time, at the speed at which a processor reads what they attend to.
 *
 * Every query is computed by itself, in one order of summation: what comes out for it does not depend on how many
 * others there are, nor on the number of threads.
 */

#include "vectors.h"

#define WIDTH 64 /* of a head: that of every Whisper */
#define PARTS (WIDTH / LANES)
#define TOGETHER 5 /* queries that share what is read; their sums are to stay in registers */
#define BLOCK 512  /* positions whose scores are kept until their values are read */

typedef uint16_t halves __attribute__((vector_size(2 * LANES)));

INLINED floats from_bfloat16(const uint16_t *at) {
    halves read;
    memcpy(&read, at, sizeof read);
    return (floats)(__builtin_convertvector(read, words) << 16);
}

INLINED floats from_either(const void *numbers, ptrdiff_t at, const int bfloat16) {
    return bfloat16 ? from_bfloat16((const uint16_t *)numbers + at) : from_float32((const float *)numbers + at);
}

INLINED float sum(floats of) {
    float total = 0;
    for (int lane = 0; lane < LANES; lane++) total += of[lane];
    return total;
}

/* The sums of the lanes of each of 16 vectors. */
INLINED floats sums(const floats *of) {
#define FOLD(to, one, other, low, high) to = __builtin_shuffle(one, other, low) + __builtin_shuffle(one, other, high)
    const ints low8 = {0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23};
    const ints low4 = {0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27};
    const ints low2 = {0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29};
    const ints low1 = {0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30};
    floats of8[8], of4[4], of2[2], of1;
    for (int i = 0; i < 8; i++) FOLD(of8[i], of[i], of[i + 8], low8, low8 + 8);
    for (int i = 0; i < 4; i++) FOLD(of4[i], of8[i], of8[i + 4], low4, low4 + 4);
    for (int i = 0; i < 2; i++) FOLD(of2[i], of4[i], of4[i + 2], low2, low2 + 2);
    FOLD(of1, of2[0], of2[1], low1, low1 + 1);
    return of1;
#undef FOLD
}

/* e to the power of what is not above 0, within 2 in the last place: the polynomial of Cephes' expf. */
INLINED floats power(floats of) {
    of = higher(of, all(-87.0f)); /* below, the result has no exponent */
    const floats shifted = of * 1.44269504f + ROUNDING;
    const ints exponent = (ints)shifted - (ints)all(ROUNDING);
    const floats whole = shifted - ROUNDING;
    const floats rest = of - whole * 0.693359375f + whole * 2.12194440e-4f;
    floats value = all(1.9875691500e-4f);
    value = value * rest + 1.3981999507e-3f;
    value = value * rest + 8.3334519073e-3f;
    value = value * rest + 4.1665795894e-2f;
    value = value * rest + 1.6666665459e-1f;
    value = value * rest + 5.0000001201e-1f;
    value = value * rest * rest + rest + 1.0f;
    return (floats)((ints)value + (exponent << 23));
}

/* Up to TOGETHER queries of a head, each [WIDTH], to what they get of its values; keys and values [count, WIDTH] begin
 * at `from` and have `step` elements from one to the next. The first two arguments are constants wherever this is used,
 * so that it becomes code for that format and that many. */
INLINED void attend_to_head(const int bfloat16, const int queries, const float *const *asking, float *const *answers,
                            const void *keys, const void *values, ptrdiff_t from, ptrdiff_t count, ptrdiff_t step,
                            float scale) {
    floats asked[TOGETHER][PARTS], got[TOGETHER][PARTS];
    float top[TOGETHER], whole[TOGETHER];
    for (int query = 0; query < queries; query++) {
        top[query] = -__builtin_inff();
        whole[query] = 0;
        for (int part = 0; part < PARTS; part++) {
            asked[query][part] = from_float32(asking[query] + part * LANES) * scale;
            got[query][part] = all(0);
        }
    }
    for (ptrdiff_t start = 0; start < count; start += BLOCK) {
        const int here = count - start < BLOCK ? (int)(count - start) : BLOCK;
        const ptrdiff_t block = from + start * step;
        floats scores[TOGETHER][BLOCK / LANES], best[TOGETHER];
        for (int query = 0; query < queries; query++) best[query] = all(-__builtin_inff());
        for (int first = 0; first < here; first += LANES) {
            const int lanes = here - first < LANES ? here - first : LANES;
            floats products[TOGETHER][LANES];
            if (lanes < LANES) memset(products, 0, sizeof products);
            for (int lane = 0; lane < lanes; lane++) {
                floats key[PARTS];
                for (int part = 0; part < PARTS; part++)
                    key[part] = from_either(keys, block + (first + lane) * step + part * LANES, bfloat16);
                for (int query = 0; query < queries; query++)
                    products[query][lane] = (key[0] * asked[query][0] + key[1] * asked[query][1]) +
                                            (key[2] * asked[query][2] + key[3] * asked[query][3]);
            }
            for (int query = 0; query < queries; query++) {
                floats score = sums(products[query]);
                for (int lane = lanes; lane < LANES; lane++) score[lane] = -__builtin_inff();
                scores[query][first / LANES] = score;
                best[query] = higher(score, best[query]);
            }
        }
        /* What was added up so far was in proportion to the highest score then. */
        for (int query = 0; query < queries; query++) {
            const float before = top[query], now = highest(best[query]);
            top[query] = now > before ? now : before;
            const float shrunk = power(all(before - top[query]))[0];
            floats total = all(0);
            for (int vector = 0; vector * LANES < here; vector++)
                total += scores[query][vector] = power(scores[query][vector] - top[query]);
            whole[query] = whole[query] * shrunk + sum(total);
            for (int part = 0; part < PARTS; part++) got[query][part] *= shrunk;
        }
        for (int position = 0; position < here; position++) {
            floats value[PARTS];
            for (int part = 0; part < PARTS; part++)
                value[part] = from_either(values, block + position * step + part * LANES, bfloat16);
            for (int query = 0; query < queries; query++)
                for (int part = 0; part < PARTS; part++)
                    got[query][part] += value[part] * ((const float *)scores[query])[position];
        }
    }
    for (int query = 0; query < queries; query++)
        for (int part = 0; part < PARTS; part++) {
            const floats answer = got[query][part] / whole[query];
            memcpy(answers[query] + part * LANES, &answer, sizeof answer);
        }
}

#define FOR_SO_MANY(bfloat16, queries) \
    attend_to_head(bfloat16, queries, asking, answers, keys, values, from, count, step, scale)

static void attend_to_head_of_either(int bfloat16, int queries, const float *const *asking, float *const *answers,
                                     const void *keys, const void *values, ptrdiff_t from, ptrdiff_t count,
                                     ptrdiff_t step, float scale) {
    switch (bfloat16 ? -queries : queries) {
    case 1: FOR_SO_MANY(0, 1); break;
    case 2: FOR_SO_MANY(0, 2); break;
    case 3: FOR_SO_MANY(0, 3); break;
    case 4: FOR_SO_MANY(0, 4); break;
    case 5: FOR_SO_MANY(0, 5); break;
    case -1: FOR_SO_MANY(1, 1); break;
    case -2: FOR_SO_MANY(1, 2); break;
    case -3: FOR_SO_MANY(1, 3); break;
    case -4: FOR_SO_MANY(1, 4); break;
    case -5: FOR_SO_MANY(1, 5); break;
    }
}

/* Float32 queries [queries, heads, WIDTH] with `query_step` elements from one to the next, to answers likewise, without
 * gaps between them. Keys and values [owners, heads, count, WIDTH] have the other steps, in float32 or bfloat16. Those
 * who ask owner i are `askers[first[i]]` to before `askers[first[i + 1]]`. */
void attend(int bfloat16, const float *queries, float *answers, const void *keys, const void *values, ptrdiff_t owners,
            ptrdiff_t heads, ptrdiff_t count, ptrdiff_t query_step, ptrdiff_t owner_step, ptrdiff_t head_step,
            ptrdiff_t step, const int32_t *first, const int32_t *askers, float scale) {
#pragma omp parallel for collapse(2) schedule(dynamic)
    for (ptrdiff_t owner = 0; owner < owners; owner++)
        for (ptrdiff_t head = 0; head < heads; head++)
            for (int32_t next = first[owner]; next < first[owner + 1]; next += TOGETHER) {
                const int32_t left = first[owner + 1] - next, some = left < TOGETHER ? left : TOGETHER;
                const float *asking[TOGETHER];
                float *answered[TOGETHER];
                for (int32_t i = 0; i < some; i++) {
                    asking[i] = queries + askers[next + i] * query_step + head * WIDTH;
                    answered[i] = answers + (askers[next + i] * heads + head) * WIDTH;
                }
                attend_to_head_of_either(bfloat16, some, asking, answered, keys, values,
                                         owner * owner_step + head * head_step, count, step, scale);
            }
}
