/* Vectors of 16 floats, in GNU C; what becomes of them on each processor is the compiler's business. */

#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LANES 16 /* floats of a vector; compilers divide it where the processor's are shorter */

typedef float floats __attribute__((vector_size(4 * LANES)));
typedef int32_t ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t words __attribute__((vector_size(4 * LANES)));

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

INLINED floats from_float32(const float *at) {
    floats read;
    memcpy(&read, at, sizeof read);
    return read;
}
