// probs = dropout(softmax(scores / divisor + mask)), and its backward. One warp a row of scores.
// Plain version: probabilities and probabilities_backward of minibert.models.attention.
//
// scores, probs, dropped (rows, keys) with rows = B N T; mask (B, mask_rows, keys) with mask_rows 1 or T, or null;
// kept (rows, keys) or null, and then dropped is null too. probs may be scores itself.

extern "C" __global__ void masked_softmax(
    const stored* scores, const stored* mask, const kept_t* kept, stored* probs, stored* dropped,
    long long rows, long long keys, long long rows_of_text, long long tokens, long long mask_rows,
    double divisor, double keep_scale) {
    long long row = row_index();
    if (row >= rows) return;
    const stored* from = scores + row * keys;
    const stored* added = mask;
    if (mask) added += (row / rows_of_text * mask_rows + (mask_rows == 1 ? 0 : row % tokens)) * keys;
    number greatest = LOWEST;
    for (long long i = threadIdx.x; i < keys; i += 32) {
        number x = load(from, i) / (number)divisor + (mask ? load(added, i) : (number)0);
        greatest = x > greatest ? x : greatest;
    }
    greatest = warp_max(greatest);
    number total = 0;
    for (long long i = threadIdx.x; i < keys; i += 32) {
        number x = load(from, i) / (number)divisor + (mask ? load(added, i) : (number)0);
        total += exp(x - greatest);
    }
    total = warp_sum(total);
    for (long long i = threadIdx.x; i < keys; i += 32) {
        number x = load(from, i) / (number)divisor + (mask ? load(added, i) : (number)0);
        number p = exp(x - greatest) / total;
        store(probs + row * keys, i, p);
        if (kept) store(dropped + row * keys, i, kept[row * keys + i] ? p * (number)keep_scale : (number)0);
    }
}

// dscores = p (dp - sum(dp p)) / divisor, with dp = dropped' gradient, masked and scaled. dscores may be ddropped.

extern "C" __global__ void masked_softmax_backward(
    const stored* ddropped, const stored* probs, const kept_t* kept, stored* dscores,
    long long rows, long long keys, double divisor, double keep_scale) {
    long long row = row_index();
    if (row >= rows) return;
    long long start = row * keys;
    number along = 0;
    for (long long i = start + threadIdx.x; i < start + keys; i += 32) {
        number dp = load(ddropped, i);
        if (kept) dp = kept[i] ? dp * (number)keep_scale : (number)0;
        along += dp * load(probs, i);
    }
    along = warp_sum(along);
    for (long long i = start + threadIdx.x; i < start + keys; i += 32) {
        number dp = load(ddropped, i);
        if (kept) dp = kept[i] ? dp * (number)keep_scale : (number)0;
        store(dscores, i, load(probs, i) * (dp - along) / (number)divisor);
    }
}
