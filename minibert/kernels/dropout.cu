// y = x kept scale, which is its own backward. One thread a value; y may be x.
// Plain version: minibert.functional.dropout and dropout_backward.

extern "C" __global__ void dropout(const stored* x, const kept_t* kept, stored* y, long long size, double scale) {
    long long i = value_index();
    if (i < size) store(y, i, kept[i] ? load(x, i) * (number)scale : (number)0);
}
