// Sums over the rows of (rows, width), in two steps whose order is fixed: chunks of rows, then the chunks.
// Plain version: x.sum(axis=0), and (x * other).sum(axis=0) of the same pass where other is not null.
// A block has 32 columns and 8 lanes of rows.

extern "C" __global__ void column_sums(
    const stored* x, const stored* other, number* sums, number* products,
    long long rows, long long width, long long rows_of_chunk) {
    __shared__ number part[2][8][32];
    long long column = (long long)blockIdx.x * 32 + threadIdx.x;
    long long first = (long long)blockIdx.y * rows_of_chunk;
    long long last = first + rows_of_chunk < rows ? first + rows_of_chunk : rows;
    number sum = 0, product = 0;
    if (column < width) {
        for (long long row = first + threadIdx.y; row < last; row += 8) {
            number value = load(x, row * width + column);
            sum += value;
            if (other) product += value * load(other, row * width + column);
        }
    }
    part[0][threadIdx.y][threadIdx.x] = sum;
    part[1][threadIdx.y][threadIdx.x] = product;
    __syncthreads();
    if (threadIdx.y != 0 || column >= width) return;
    for (int lane = 1; lane < 8; ++lane) {
        sum += part[0][lane][threadIdx.x];
        product += part[1][lane][threadIdx.x];
    }
    sums[blockIdx.y * width + column] = sum;
    if (other) products[blockIdx.y * width + column] = product;
}

extern "C" __global__ void add_chunks(const number* parts, stored* out, long long chunks, long long width) {
    long long column = value_index();
    if (column >= width) return;
    number sum = 0;
    for (long long chunk = 0; chunk < chunks; ++chunk) sum += parts[chunk * width + column];
    store(out, column, sum);
}
