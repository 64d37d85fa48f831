// out[ids[order[i]]] += rows[order[i]], with order a stable sort of the ids, so that every sum has one order.
// Plain version: minibert.backend.scatter_add. Ids equal to `skipped` are left out.
//
// Step 1: a block a place of the sorted order. It sums the rows of one id from there on, but no further than the next
// multiple of 64 places, so that a very common id is not summed by one block alone; parts (places, width) gets the sum.
// Step 2: a block a place; where an id begins, its parts are added up, and to the table.

#define STRETCH 64

extern "C" __global__ void scatter_parts(
    const long long* sorted, const long long* order, const stored* rows, number* parts,
    long long places, long long width, long long skipped) {
    long long place = blockIdx.x, id = sorted[place];
    if (id == skipped || (place % STRETCH != 0 && sorted[place - 1] == id)) return;
    long long end = (place / STRETCH + 1) * STRETCH;
    if (end > places) end = places;
    for (long long column = threadIdx.x; column < width; column += blockDim.x) {
        number sum = 0;
        for (long long i = place; i < end && sorted[i] == id; ++i) sum += load(rows, order[i] * width + column);
        parts[place * width + column] = sum;
    }
}

extern "C" __global__ void scatter_totals(
    const long long* sorted, const number* parts, stored* out, long long places, long long width, long long skipped) {
    long long place = blockIdx.x, id = sorted[place];
    if (id == skipped || (place != 0 && sorted[place - 1] == id)) return;
    for (long long column = threadIdx.x; column < width; column += blockDim.x) {
        number sum = parts[place * width + column];
        for (long long i = (place / STRETCH + 1) * STRETCH; i < places && sorted[i] == id; i += STRETCH)
            sum += parts[i * width + column];
        store(out, id * width + column, load(out, id * width + column) + sum);
    }
}
