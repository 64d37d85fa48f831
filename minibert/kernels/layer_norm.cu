// y = gamma normalized + beta of the sum x + bias, dropped out, + residual. One warp a row; the row waits in shared
// memory, where every lane reads only what it has written itself.
// Plain version: ResidualOutput.forward in minibert.models; without bias, mask and residual minibert.functional.layer_norm.
//
// x, kept, residual, y, normalized (rows, width); bias, gamma, beta (width); rstd (rows). bias, kept, residual,
// normalized and rstd may be null; y or normalized may be x itself.

extern "C" __global__ void residual_layer_norm(
    const stored* x, const stored* bias, const kept_t* kept, const stored* residual,
    const stored* gamma, const stored* beta, stored* y, stored* normalized, number* rstd,
    long long rows, long long width, double keep_scale, double eps) {
    DYNAMIC_SHARED(shared_rows);
    long long row = row_index();
    if (row >= rows) return;
    number* values = shared_rows + threadIdx.y * width;
    long long start = row * width;
    number total = 0;
    for (long long i = threadIdx.x; i < width; i += 32) {
        number value = load(x, start + i);
        if (bias) value += load(bias, i);
        if (kept) value = kept[start + i] ? value * (number)keep_scale : (number)0;
        if (residual) value += load(residual, start + i);
        values[i] = value;
        total += value;
    }
    number mean = warp_sum(total) / (number)width;
    number squares = 0;
    for (long long i = threadIdx.x; i < width; i += 32) {
        values[i] -= mean;
        squares += values[i] * values[i];
    }
    number scale = (number)1 / sqrt(warp_sum(squares) / (number)width + (number)eps);
    for (long long i = threadIdx.x; i < width; i += 32) {
        number n = values[i] * scale;
        if (normalized) store(normalized, start + i, n);
        store(y, start + i, n * load(gamma, i) + load(beta, i));
    }
    if (rstd && threadIdx.x == 0) rstd[row] = scale;
}

// dx = rstd (dn - mean(dn) - n mean(dn n)), dn = gamma dy. dgamma and dbeta are column sums: see sums.cu.
// Plain version: minibert.functional.layer_norm_backward.

extern "C" __global__ void layer_norm_backward(
    const stored* dy, const stored* normalized, const number* rstd, const stored* gamma, stored* dx,
    long long rows, long long width) {
    long long row = row_index();
    if (row >= rows) return;
    long long start = row * width;
    number sum = 0, along = 0;
    for (long long i = threadIdx.x; i < width; i += 32) {
        number dn = load(dy, start + i) * load(gamma, i);
        sum += dn;
        along += dn * load(normalized, start + i);
    }
    number mean = warp_sum(sum) / (number)width;
    number mean_along = warp_sum(along) / (number)width;
    for (long long i = threadIdx.x; i < width; i += 32) {
        number dn = load(dy, start + i) * load(gamma, i);
        store(dx, start + i, rstd[row] * (dn - mean - load(normalized, start + i) * mean_along));
    }
}
