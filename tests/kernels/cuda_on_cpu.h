// Just enough of CUDA C++ to run the kernels of minibert/kernels on a CPU, one thread of the grid at a time.
//
// Every CUDA thread of a block is a fibre with its own stack. __syncthreads and the warp shuffle switch to the next
// fibre until all that take part have arrived, so the order is always the same and a thread that misses a barrier is
// found (the emulator stops with a message). Shared memory is static: blocks run one after the other.

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static

struct Place { int x, y, z; };
static Place threadIdx, blockIdx, blockDim, gridDim;
static char emulated_shared[48 * 1024] __attribute__((aligned(16)));
#define DYNAMIC_SHARED(name) number* name = (number*)emulated_shared

enum State { READY, AT_BLOCK_BARRIER, AT_WARP_BARRIER, DONE };
struct Fibre {
    ucontext_t context;  // only to begin with: later switches are jumps, which need no system call
    jmp_buf place;
    bool begun;
    State state;
    double exchanged;
    char* stack;
};
static Fibre fibres[1024];  // kept from block to block: each runs one thread after the other
static jmp_buf scheduler;
static int current;
static void (*run_kernel)(void**);
static void** kernel_arguments;

static void wait_at(State barrier) {
    fibres[current].state = barrier;
    if (!_setjmp(fibres[current].place)) _longjmp(scheduler, 1);
}
static inline void __syncthreads() { wait_at(AT_BLOCK_BARRIER); }

static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}

template <class T> static T __shfl_xor_sync(unsigned mask, T value, int distance) {
    if (mask != 0xffffffffu) { fprintf(stderr, "emulator: a shuffle of part of a warp\n"); abort(); }
    fibres[current].exchanged = (double)value;
    wait_at(AT_WARP_BARRIER);
    T other = (T)fibres[current ^ distance].exchanged;
    wait_at(AT_WARP_BARRIER);  // all have read before anyone writes again
    return other;
}

static void enter_fibre() {
    for (;;) {
        run_kernel(kernel_arguments);
        wait_at(DONE);
    }
}

static void resume(Fibre& fibre) {
    if (_setjmp(scheduler)) return;
    if (fibre.begun) _longjmp(fibre.place, 1);
    const size_t stack = 64 * 1024;
    fibre.begun = true;
    fibre.stack = (char*)malloc(stack);
    getcontext(&fibre.context);
    fibre.context.uc_stack.ss_sp = fibre.stack;
    fibre.context.uc_stack.ss_size = stack;
    fibre.context.uc_link = nullptr;
    makecontext(&fibre.context, enter_fibre, 0);
    setcontext(&fibre.context);
}

// Wake the fibres first .. last - 1 if all of them wait at this barrier (or, of a block's barrier, have ended).
static bool release(int first, int last, State barrier, bool ended_too) {
    bool any = false;
    for (int i = first; i < last; ++i) {
        if (fibres[i].state == barrier) any = true;
        else if (!(ended_too && fibres[i].state == DONE)) return false;
    }
    if (any) for (int i = first; i < last; ++i) if (fibres[i].state == barrier) fibres[i].state = READY;
    return any;
}

static void run_block() {
    int threads = blockDim.x * blockDim.y * blockDim.z;
    memset(emulated_shared, 0xff, sizeof emulated_shared);  // NaN: whoever reads before writing is found out
    for (int i = 0; i < threads; ++i) fibres[i].state = READY;
    for (;;) {
        bool ran = false, done = true;
        for (current = 0; current < threads; ++current) {
            if (fibres[current].state != READY) continue;
            threadIdx = {current % blockDim.x, current / blockDim.x % blockDim.y, current / (blockDim.x * blockDim.y)};
            resume(fibres[current]);
            ran = true;
        }
        for (int i = 0; i < threads; ++i) done &= fibres[i].state == DONE;
        if (done) return;
        for (int i = 0; i < threads; i += 32) {
            int last = i + 32 < threads ? i + 32 : threads;
            ran |= release(i, last, AT_WARP_BARRIER, false);
        }
        ran |= release(0, threads, AT_BLOCK_BARRIER, true);
        if (!ran) { fprintf(stderr, "emulator: threads wait at different barriers\n"); abort(); }
    }
}

// The stack of a fibre moves nothing across a switch but what it holds itself: threadIdx is set again at every
// switch, so a kernel may read it after a barrier too.

template <class... A, size_t... I>
static void call(void (*kernel)(A...), void** arguments, std::index_sequence<I...>) {
    kernel(*(A*)arguments[I]...);
}
template <class... A> static void call(void (*kernel)(A...), void** arguments) {
    call(kernel, arguments, std::index_sequence_for<A...>{});
}
template <class... A> static int count_arguments(void (*)(A...)) { return sizeof...(A); }

// A letter an argument: p a pointer, i a long long, d a double.
template <class T> static char letter() {
    return std::is_pointer<T>::value ? 'p' : std::is_same<T, long long>::value ? 'i' : std::is_same<T, double>::value ? 'd' : '?';
}
template <class... A> static void describe(void (*)(A...), char* into) {
    char letters[] = {letter<A>()..., 0};
    strcpy(into, letters);
}

static void run_grid(void (*kernel)(void**), const int* grid, const int* block, void** arguments) {
    run_kernel = kernel;
    kernel_arguments = arguments;
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], block[2]};
    for (int z = 0; z < grid[2]; ++z)
        for (int y = 0; y < grid[1]; ++y)
            for (int x = 0; x < grid[0]; ++x) {
                blockIdx = {x, y, z};
                run_block();
            }
}

#define EMULATE(name)                                                                            \
    static void call_##name(void** arguments) { call(name, arguments); }                         \
    extern "C" void describe_##name(char* into) { describe(name, into); }                        \
    extern "C" void emulate_##name(const int* grid, const int* block, void** arguments) {        \
        run_grid(call_##name, grid, block, arguments);                                           \
    }
