/* Vectors of 16 floats, in GNU C; what becomes of them on each processor is the compiler's business. */

#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LANES 16 /* floats of a vector; compilers divide it where the processor's are shorter */

typedef float floats __attribute__((vector_size(4 * LANES)));
typedef int32_t ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t words __attribute__((vector_size(4 * LANES)));
typedef uint16_t halves __attribute__((vector_size(2 * LANES)));
typedef uint8_t bytes __attribute__((vector_size(LANES)));

#define ALONE 32768 /* numbers that one thread is done with before another is awake */

#define INLINED static inline __attribute__((always_inline))

/* Added to a float that is not too large, it leaves no bits behind the point: the sum is rounded to whole numbers, and
 * its lowest bits are those of the number. */
#define ROUNDING 0x1.8p23f

INLINED floats all(float value) { return (floats){} + value; }

INLINED floats higher(floats one, floats other) {
    const ints where = one > other;
    return (floats)((where & (ints)one) | (~where & (ints)other));
}

INLINED float highest(floats of) {
    float best = of[0];
    for (int lane = 1; lane < LANES; lane++) best = of[lane] > best ? of[lane] : best;
    return best;
}

INLINED float sum(floats of) {
    float total = 0;
    for (int lane = 0; lane < LANES; lane++) total += of[lane];
    return total;
}

INLINED floats from_float32(const float *at) {
    floats read;
    memcpy(&read, at, sizeof read);
    return read;
}

INLINED floats from_bfloat16(const uint16_t *at) {
    halves read;
    memcpy(&read, at, sizeof read);
    return (floats)(__builtin_convertvector(read, words) << 16);
}

INLINED ptrdiff_t lanes_from(ptrdiff_t first, ptrdiff_t count) { return count - first < LANES ? count - first : LANES; }

/* The first ones of 16, and zeros. */
INLINED floats some_from_float32(const float *at, ptrdiff_t lanes) {
    if (lanes == LANES) return from_float32(at);
    floats read = all(0);
    memcpy(&read, at, (size_t)lanes * sizeof *at);
    return read;
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
