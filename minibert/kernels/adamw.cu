// One parameter's AdamW step, in place. One thread a value.
// Plain version: minibert.training.adamw.adamw_step, whose order of operations this follows.
//
// theta (size) as stored; master (size) its value in full, or null where theta is that; g, m, v (size).

extern "C" __global__ void adamw(
    stored* theta, number* master, const number* g, number* m, number* v, long long size,
    double beta1, double beta2, double shrink, double step_size, double root_correction, double eps) {
    long long i = value_index();
    if (i >= size) return;
    number value = (master ? master[i] : load(theta, i)) * (number)shrink;
    number first = beta1 > 0.5 ? m[i] + (g[i] - m[i]) * (number)(1.0 - beta1) : g[i] - (g[i] - m[i]) * (number)beta1;
    number second = v[i] * (number)beta2 + g[i] * g[i] * (number)(1.0 - beta2);
    m[i] = first;
    v[i] = second;
    value -= first / (sqrt(second) / (number)root_correction + (number)eps) * (number)step_size;
    if (master) master[i] = value;
    store(theta, i, value);
}
