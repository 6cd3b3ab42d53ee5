/* Numbers to 8-bit levels, and sums of products of levels to numbers: what stands before and behind an integer product,
 * each in one pass over memory. */

#include "vectors.h"

#define ALONE 32768 /* numbers that one thread is done with before another is awake */

typedef uint8_t bytes __attribute__((vector_size(LANES)));

INLINED ptrdiff_t lanes_from(ptrdiff_t first, ptrdiff_t count) { return count - first < LANES ? count - first : LANES; }

/* The first ones of 16, and zeros. */
INLINED floats some_from_float32(const float *at, ptrdiff_t lanes) {
    if (lanes == LANES) return from_float32(at);
    floats read = all(0);
    memcpy(&read, at, (size_t)lanes * sizeof *at);
    return read;
}

/* The way back: as many of 16 elements of this size. With a constant number of them it is one instruction. */
INLINED void put(void *to, const void *from, ptrdiff_t lanes, size_t size) {
    if (lanes == LANES)
        memcpy(to, from, LANES * size);
    else
        memcpy(to, from, (size_t)lanes * size);
}

/* Zero is always a level, and none is below 0. */
static void quantise_row(const float *row, uint8_t *levels, ptrdiff_t count, float steps, float *step, float *zero) {
    floats above = all(0), below = all(0);
    for (ptrdiff_t first = 0; first < count; first += LANES) {
        const floats read = some_from_float32(row + first, lanes_from(first, count));
        above = higher(read, above);
        below = higher(-read, below);
    }
    const float lowest = highest(below), size = (highest(above) + lowest) / steps;
    *step = size > 1e-12f ? size : 1e-12f;
    const float exact = lowest / *step, whole = (float)(int32_t)exact;
    *zero = whole < exact ? whole + 1 : whole;
    const float scale = 1 / *step, shift = *zero + ROUNDING;
    for (ptrdiff_t first = 0; first < count; first += LANES) {
        const ptrdiff_t lanes = lanes_from(first, count);
        const words rounded = (words)(some_from_float32(row + first, lanes) * scale + shift);
        const bytes level = __builtin_convertvector(rounded, bytes); /* their lowest */
        put(levels + first, &level, lanes, sizeof *levels);
    }
}

static void dequantise_row(float *row, ptrdiff_t count, float step, float zero, const float *sums, const float *bias) {
    for (ptrdiff_t first = 0; first < count; first += LANES) {
        const ptrdiff_t lanes = lanes_from(first, count);
        const floats levels = some_from_float32(row + first, lanes) - some_from_float32(sums + first, lanes) * zero;
        const floats number = levels * step + some_from_float32(bias + first, lanes);
        put(row + first, &number, lanes, sizeof *row);
    }
}

/* Inputs [rows, width] to levels likewise, and for each row how far one is from the next and which is that of zero.
 * From the lowest to the highest number of a row, zero with them, it is so many steps. */
void quantise(const float *inputs, uint8_t *levels, float *step, float *zero, ptrdiff_t rows, ptrdiff_t width,
              float steps) {
#pragma omp parallel for if (rows * width > ALONE)
    for (ptrdiff_t row = 0; row < rows; row++)
        quantise_row(inputs + row * width, levels + row * width, width, steps, step + row, zero + row);
}

/* Sums [rows, width] of levels times weights to numbers, in their place; `sums` are those of the weights alone. */
void dequantise(float *outputs, const float *step, const float *zero, const float *sums, const float *bias,
                ptrdiff_t rows, ptrdiff_t width) {
#pragma omp parallel for if (rows * width > ALONE)
    for (ptrdiff_t row = 0; row < rows; row++)
        dequantise_row(outputs + row * width, width, step[row], zero[row], sums, bias);
}
