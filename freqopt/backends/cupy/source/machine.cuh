// What differs between a GPU and the CPU twin. Everything else is one source for both.
//
// Work is done by groups of LANES threads, a part of a warp. A group visits one item (a row, an
// occurrence, a run) after the other; its lanes share the columns of a row. Lanes meet at `sync`,
// and pass numbers through `scratch`, memory of the group's own: no shuffles, no float atomics. On
// the twin the lanes are threads of the processor, or there is one lane; no bit depends on LANES.
#pragma once

typedef long long i64;
typedef unsigned long long u64;

#if defined(__CUDACC__)

#define DEVICE __device__ __forceinline__
#define ENTRY extern "C" __global__ void __launch_bounds__(256)  // THREADS of _gpu.py

extern __shared__ __align__(16) unsigned char shared_memory[];

struct Group {
    int lane;
    i64 number, groups;  // of this group, and how many there are
    i64 spread;          // a number too: neighbours are in different blocks
    unsigned mask;

    DEVICE Group() {
        const i64 thread = (i64)blockIdx.x * blockDim.x + threadIdx.x;
        lane = threadIdx.x % LANES;
        number = thread / LANES;
        groups = (i64)gridDim.x * blockDim.x / LANES;
        spread = (i64)(threadIdx.x / LANES) * gridDim.x + blockIdx.x;
        mask = (LANES == 32 ? 0xffffffffu : (1u << LANES) - 1) << (threadIdx.x % 32 / LANES * LANES);
    }
    DEVICE void sync() const { __syncwarp(mask); }
    DEVICE bool any(bool mine) const { return __ballot_sync(mask, mine) != 0; }
    template <class T> DEVICE T* scratch(i64 width) const {
        return (T*)shared_memory + threadIdx.x / LANES * width;
    }
};

// No load from before this is put off until after it: else the compiler saves registers that way.
DEVICE void loaded() { __threadfence_block(); }
DEVICE void lower(i64* place, i64 value) { atomicMin(place, value); }
DEVICE u64 high_product(u64 a, u64 b) { return __umul64hi(a, b); }
DEVICE double from_bits(i64 bits) { return __longlong_as_double(bits); }
DEVICE i64 to_bits(double x) { return __double_as_longlong(x); }

#else  // the twin

#include <atomic>
#include <barrier>
#include <cmath>
#include <cstdlib>
#include <cstring>

#define DEVICE inline
#define ENTRY extern "C" void

using std::fabs;
using std::floor;
using std::isfinite;
using std::isnan;
using std::rint;
using std::sqrt;

static thread_local int own_lane = 0;
static std::barrier<> meeting(LANES);
static bool votes[LANES];
static unsigned char* memory = nullptr;

// Called from outside: which lane the calling thread is; the memory that the group shares.
extern "C" void twin_lane(int lane) { own_lane = lane; }
extern "C" void twin_memory(void* at) { memory = (unsigned char*)at; }

struct Group {
    int lane = own_lane;
    i64 number = 0, groups = 1, spread = 0;

    void sync() const {
        if (LANES > 1) meeting.arrive_and_wait();
    }
    bool any(bool mine) const {
        votes[lane] = mine;
        sync();
        bool found = false;
        for (bool vote : votes) found |= vote;
        sync();
        return found;
    }
    template <class T> T* scratch(i64) const { return (T*)memory; }
};

DEVICE void loaded() {}
DEVICE void lower(i64* place, i64 value) {
    std::atomic_ref<i64> shared(*place);
    i64 seen = shared.load();
    while (value < seen && !shared.compare_exchange_weak(seen, value)) {}
}
DEVICE u64 high_product(u64 a, u64 b) { return (u64)(((unsigned __int128)a * b) >> 64); }
DEVICE double from_bits(i64 bits) { double x; std::memcpy(&x, &bits, 8); return x; }
DEVICE i64 to_bits(double x) { i64 bits; std::memcpy(&bits, &x, 8); return bits; }

#endif

DEVICE double infinity() { return from_bits(0x7ff0000000000000ll); }
DEVICE double not_a_number() { return from_bits(0x7ff8000000000000ll); }

// VECTOR numbers that travel together: 16 bytes where the width allows it.
struct alignas(sizeof(real) * VECTOR) Pack {
    real x[VECTOR];
};
#define FOR_COLUMNS(j, group, width) \
    for (int j = (group).lane * VECTOR; j < (width); j += LANES * VECTOR)

DEVICE Pack load(const real* row, int j) { return *(const Pack*)(row + j); }
DEVICE void store(real* row, int j, Pack p) { *(Pack*)(row + j) = p; }
