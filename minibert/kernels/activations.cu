// y = f(x + bias) with f the GELU, erf or tanh form, and its backward. One thread a value.
// Plain version: minibert.functional.Activation, its forward (of x + bias) and its backward.
//
// x, summed, y (size) in rows of width; bias (width) or null. summed, which backward needs, may be null or x itself;
// y may be x too where summed is null.

#define SQRT_HALF 0.70710678118654752440
#define INV_SQRT_2PI 0.39894228040143267794
#define SQRT_2_OVER_PI 0.79788456080286535588

__device__ __forceinline__ number normal_cdf(number x) { return (number)0.5 * erfc(-x * (number)SQRT_HALF); }

__device__ __forceinline__ number gelu_erf(number x) { return x * normal_cdf(x); }

__device__ __forceinline__ number gelu_erf_derivative(number x) {
    return normal_cdf(x) + x * (number)INV_SQRT_2PI * exp((number)-0.5 * x * x);
}

__device__ __forceinline__ number gelu_tanh(number x) {
    return (number)0.5 * x * ((number)1 + tanh((number)SQRT_2_OVER_PI * x * ((number)1 + (number)0.044715 * x * x)));
}

__device__ __forceinline__ number gelu_tanh_derivative(number x) {
    number t = tanh((number)SQRT_2_OVER_PI * x * ((number)1 + (number)0.044715 * x * x));
    number du = (number)SQRT_2_OVER_PI * ((number)1 + (number)(3 * 0.044715) * x * x);
    return (number)0.5 * ((number)1 + t) + (number)0.5 * x * ((number)1 - t * t) * du;
}

#define ACTIVATION(name)                                                                                             \
    extern "C" __global__ void bias_##name(                                                                          \
        const stored* x, const stored* bias, stored* summed, stored* y, long long size, long long width) {           \
        long long i = value_index();                                                                                 \
        if (i >= size) return;                                                                                       \
        number value = load(x, i);                                                                                   \
        if (bias) value += load(bias, i % width);                                                                    \
        if (summed) {                                                                                                \
            store(summed, i, value);                                                                                 \
            value = load(summed, i); /* as backward will read it */                                                  \
        }                                                                                                            \
        store(y, i, name(value));                                                                                    \
    }                                                                                                                \
    extern "C" __global__ void name##_backward(const stored* dy, const stored* x, stored* dx, long long size) {      \
        long long i = value_index();                                                                                 \
        if (i < size) store(dx, i, load(dy, i) * name##_derivative(load(x, i)));                                     \
    }

ACTIVATION(gelu_erf)
ACTIVATION(gelu_tanh)
