// Dropout masks from the stream of NumPy's PCG64 (O'Neill 2014), so that CPU and GPU draw the same numbers without
// moving them: each thread jumps to its own place in the stream and makes 16 draws of 64 bits, four values each.
// Plain version: minibert.functional.draw_dropout_mask, rng.integers(0, 65536, dtype=uint16) >= threshold.
//
// NumPy takes 32 bits at a time, low half first, and of these 16, low half first; a half that an earlier call left
// over (left is 1, and left_bits holds it) comes before the first draw.

#define DRAWS 16

struct wide { unsigned long long high, low; };

__device__ __forceinline__ wide times_plus(wide a, wide b, wide c) {  // a b + c modulo 2^128
    wide product;
    product.low = a.low * b.low;
    product.high = __umul64hi(a.low, b.low) + a.high * b.low + a.low * b.high;
    unsigned long long low = product.low + c.low;
    product.high += c.high + (low < c.low ? 1ull : 0ull);
    product.low = low;
    return product;
}

__device__ __forceinline__ void put_pair(
    kept_t* kept, long long pair, long long size, unsigned bits, unsigned threshold) {
    long long i = 2 * pair;
    if (i < size) kept[i] = (bits & 0xffffu) >= threshold;
    if (i + 1 < size) kept[i + 1] = (bits >> 16) >= threshold;
}

extern "C" __global__ void draw_mask(
    kept_t* kept, long long size, long long threshold, long long state_high, long long state_low,
    long long inc_high, long long inc_low, long long left, long long left_bits) {
    long long thread = value_index(), skip = thread * DRAWS;
    if (left && thread == 0) put_pair(kept, 0, size, (unsigned)left_bits, (unsigned)threshold);
    wide zero = {0, 0}, one = {0, 1};
    wide step = {0x2360ED051FC65DA4ull, 0x4385DF649FCCF645ull};
    wide increment = {(unsigned long long)inc_high, (unsigned long long)inc_low};
    wide state = {(unsigned long long)state_high, (unsigned long long)state_low};
    wide factor = step, offset = increment, jump = one, shift = zero;  // Brown 1994: skip steps in log2(skip) rounds
    for (unsigned long long rest = skip; rest > 0; rest >>= 1) {
        if (rest & 1) {
            jump = times_plus(jump, factor, zero);
            shift = times_plus(shift, factor, offset);
        }
        offset = times_plus(factor, offset, offset);
        factor = times_plus(factor, factor, zero);
    }
    state = times_plus(jump, state, shift);
    for (int draw = 0; draw < DRAWS; ++draw) {
        long long pair = left + 2 * (skip + draw);
        if (2 * pair >= size) return;
        state = times_plus(state, step, increment);
        unsigned long long folded = state.high ^ state.low;
        unsigned turn = (unsigned)(state.high >> 58);
        unsigned long long bits = (folded >> turn) | (folded << ((64 - turn) & 63));
        put_pair(kept, pair, size, (unsigned)bits, (unsigned)threshold);
        put_pair(kept, pair + 1, size, (unsigned)(bits >> 32), (unsigned)threshold);
    }
}
