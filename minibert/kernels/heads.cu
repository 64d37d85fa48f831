// Queries, keys and values into heads, with their biases, and the heads' contexts back into tokens. One thread a value.
// Plain version: minibert.functional.split_heads of x + bias, and merge_heads.
//
// x (B T, N K) -> y (B, N, T, K), for as many of three arrays as the grid has rows.

extern "C" __global__ void split_heads(
    const stored* x0, const stored* x1, const stored* x2, const stored* bias0, const stored* bias1,
    const stored* bias2, stored* y0, stored* y1, stored* y2,
    long long size, long long tokens, long long heads, long long width) {
    const stored* x = blockIdx.y == 0 ? x0 : blockIdx.y == 1 ? x1 : x2;
    const stored* bias = blockIdx.y == 0 ? bias0 : blockIdx.y == 1 ? bias1 : bias2;
    stored* y = blockIdx.y == 0 ? y0 : blockIdx.y == 1 ? y1 : y2;
    long long i = value_index();  // in y
    if (i >= size) return;
    long long k = i % width, t = i / width % tokens, n = i / (width * tokens) % heads, b = i / (width * tokens * heads);
    long long column = n * width + k;
    store(y, i, load(x, (b * tokens + t) * heads * width + column) + load(bias, column));
}

// x (B, N, T, K) -> y (B, T, N K)

extern "C" __global__ void merge_heads(
    const stored* x, stored* y, long long size, long long tokens, long long heads, long long width) {
    long long i = value_index();  // in y
    if (i >= size) return;
    long long k = i % width, n = i / width % heads, t = i / (width * heads) % tokens, b = i / (width * heads * tokens);
    y[i] = x[((b * heads + n) * tokens + t) * width + k];
}
