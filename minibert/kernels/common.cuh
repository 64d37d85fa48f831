// What all kernels share. launch.py puts one line before this text, `#define STORED_HALF`, `STORED_FLOAT` or
// `STORED_DOUBLE`: the type that arrays are stored in. Arithmetic is in `number`: float for half, else the same.
//
// The source is plain CUDA C++ without headers, so that NVRTC compiles it wherever CuPy runs. Sums run in a fixed
// order, so that two runs give the same bits.

#if defined(STORED_DOUBLE)
typedef double stored;
typedef double number;
#define LOWEST (-1.7976931348623157e308)
#elif defined(STORED_FLOAT)
typedef float stored;
typedef float number;
#else
typedef unsigned short stored;  // the bits of an IEEE half
typedef float number;
#endif
#ifndef LOWEST
#define LOWEST (-3.402823466e38f)
#endif

typedef unsigned char kept_t;  // a dropout mask: 1 where a value is kept

#if defined(STORED_HALF) && defined(__CUDACC__)
__device__ __forceinline__ number load(const stored* from, long long i) {
    number value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(from[i]));
    return value;
}
__device__ __forceinline__ void store(stored* to, long long i, number value) {
    stored bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
    to[i] = bits;
}
#elif defined(STORED_HALF)
static inline number load(const stored* from, long long i) {
    _Float16 value;
    __builtin_memcpy(&value, from + i, 2);
    return (number)value;
}
static inline void store(stored* to, long long i, number value) {
    _Float16 narrow = (_Float16)value;
    __builtin_memcpy(to + i, &narrow, 2);
}
#else
__device__ __forceinline__ number load(const stored* from, long long i) { return from[i]; }
__device__ __forceinline__ void store(stored* to, long long i, number value) { to[i] = value; }
#endif

#ifndef DYNAMIC_SHARED
#define DYNAMIC_SHARED(name) extern __shared__ number name[]
#endif

// Sum and maximum over the 32 lanes of a warp, the same bits in every lane.

__device__ __forceinline__ number warp_sum(number value) {
    for (int distance = 16; distance > 0; distance >>= 1) value += __shfl_xor_sync(0xffffffffu, value, distance);
    return value;
}

__device__ __forceinline__ number warp_max(number value) {
    for (int distance = 16; distance > 0; distance >>= 1) {
        number other = __shfl_xor_sync(0xffffffffu, value, distance);
        value = other > value ? other : value;
    }
    return value;
}

// The same over a block of (32 w) threads in one row: within the warps, then over the warps in their order.
// scratch: 32 numbers of shared memory.

__device__ __forceinline__ number block_sum(number value, number* scratch) {
    value = warp_sum(value);
    if ((threadIdx.x & 31) == 0) scratch[threadIdx.x >> 5] = value;
    __syncthreads();
    number total = scratch[0];
    for (int warp = 1; warp < (int)(blockDim.x >> 5); ++warp) total += scratch[warp];
    __syncthreads();
    return total;
}

__device__ __forceinline__ number block_max(number value, number* scratch) {
    value = warp_max(value);
    if ((threadIdx.x & 31) == 0) scratch[threadIdx.x >> 5] = value;
    __syncthreads();
    number greatest = scratch[0];
    for (int warp = 1; warp < (int)(blockDim.x >> 5); ++warp)
        greatest = scratch[warp] > greatest ? scratch[warp] : greatest;
    __syncthreads();
    return greatest;
}

// The place of this thread in a launch over single values, and of its warp in a launch of one warp a row.

__device__ __forceinline__ long long value_index() { return (long long)blockIdx.x * blockDim.x + threadIdx.x; }
__device__ __forceinline__ long long row_index() { return (long long)blockIdx.x * blockDim.y + threadIdx.y; }
