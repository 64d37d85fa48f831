// loss = mean of -log softmax(logits)[label] over the rows whose label is not `ignored`, and its backward. One block
// a row, since a row may be a vocabulary. Nothing is counted on the host: the number of rows that count stays here.
// Plain version: minibert.functional.cross_entropy and cross_entropy_backward.
//
// logits, dlogits (rows, classes); labels, losses, log_sums (rows); loss, count, dloss one number each.

extern "C" __global__ void cross_entropy_rows(
    const stored* logits, const long long* labels, number* losses, number* log_sums,
    long long rows, long long classes, long long ignored) {
    __shared__ number scratch[32];
    long long row = blockIdx.x;
    const stored* from = logits + row * classes;
    number greatest = LOWEST;
    for (long long i = threadIdx.x; i < classes; i += blockDim.x) {
        number x = load(from, i);
        greatest = x > greatest ? x : greatest;
    }
    greatest = block_max(greatest, scratch);
    number total = 0;
    for (long long i = threadIdx.x; i < classes; i += blockDim.x) total += exp(load(from, i) - greatest);
    total = block_sum(total, scratch);
    if (threadIdx.x != 0) return;
    number log_sum = greatest + log(total);
    log_sums[row] = log_sum;
    losses[row] = labels[row] == ignored ? (number)0 : log_sum - load(from, labels[row]);
}

extern "C" __global__ void cross_entropy_mean(
    const number* losses, const long long* labels, number* loss, number* count, long long rows, long long ignored) {
    __shared__ number scratch[32];
    number sum = 0, counted = 0;
    for (long long row = threadIdx.x; row < rows; row += blockDim.x) {
        sum += losses[row];
        counted += labels[row] == ignored ? (number)0 : (number)1;
    }
    sum = block_sum(sum, scratch);
    counted = block_sum(counted, scratch);
    if (threadIdx.x != 0) return;
    *loss = sum / counted;
    *count = counted;
}

extern "C" __global__ void cross_entropy_backward(
    const stored* logits, const long long* labels, const number* log_sums, const number* count, const number* dloss,
    stored* dlogits, long long classes, long long ignored) {
    long long row = blockIdx.x, label = labels[row];
    number scale = label == ignored ? (number)0 : *dloss / *count;
    for (long long i = threadIdx.x; i < classes; i += blockDim.x) {
        number p = label == ignored ? (number)0 : exp(load(logits, row * classes + i) - log_sums[row]);
        store(dlogits, row * classes + i, (i == label ? p - (number)1 : p) * scale);
    }
}
