// Rings as C++ programs have them, for `_ring_compilers.py` to load. One call does all the work that is timed. The
// caller owns the ring and hands it over by its address, so that the compiler can neither see its state nor drop it.

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif
#if __has_include(<boost/circular_buffer.hpp>) && __has_include(<boost/lockfree/spsc_queue.hpp>)
#define WITH_BOOST
#include <boost/circular_buffer.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <boost/version.hpp>
#endif

namespace {

constexpr std::size_t capacity = 1024;          // in one thread
constexpr std::size_t capacity_between = 4096;  // between two
constexpr std::size_t cache_line = 64;

// ------------------------------------------------------------------------------------------------ in one thread

// Both counters only grow: the ring is empty where they are equal, and all N items are of use.
template <class T, std::size_t N>
class Ring {
    static_assert(N > 0 && (N & (N - 1)) == 0, "the capacity must be a power of two");

public:
    bool push(const T& item)
    {
        if (tail_ - head_ == N) return false;
        items_[tail_++ & (N - 1)] = item;
        return true;
    }

    void push_overwrite(const T& item)
    {
        items_[tail_++ & (N - 1)] = item;
        if (tail_ - head_ > N) ++head_;
    }

    bool pop(T& item)
    {
        if (head_ == tail_) return false;
        item = items_[head_++ & (N - 1)];
        return true;
    }

private:
    std::size_t head_ = 0;
    std::size_t tail_ = 0;
    std::array<T, N> items_{};
};

// What one who knows the compiler writes by hand: overwriting leaves the head alone, and whoever reads finds it from
// the tail; a loop keeps the tail in a register and stores it once.
template <class T, std::size_t N>
class HandTuned {
public:
    void push_all(const T* items, std::size_t count)
    {
        std::size_t tail = tail_;
        for (std::size_t i = 0; i < count; i++) items_[tail++ & (N - 1)] = items[i];
        tail_ = tail;
    }

    bool pop(T& item)
    {
        if (tail_ - head_ > N) head_ = tail_ - N;
        if (head_ == tail_) return false;
        item = items_[head_++ & (N - 1)];
        return true;
    }

private:
    std::size_t head_ = 0;
    std::size_t tail_ = 0;
    std::array<T, N> items_{};
};

using Floats = Ring<float, capacity>;
using TunedFloats = HandTuned<float, capacity>;

template <class R>
std::size_t drain(R& ring, float* out)
{
    std::size_t count = 0;
    for (float item; ring.pop(item); count++) out[count] = item;
    return count;
}

// ------------------------------------------------------------------------------------------- between two threads

// The design of rigtorp's SPSCQueue: each side keeps a copy of the other's index and looks at the real one only where
// the copy says full or empty; every index has a cache line of its own. The capacity is known at run time, one slot
// stays empty, and the slots keep a line's distance from whatever lies beside them.
template <class T>
class CachedIndexQueue {
    static constexpr std::size_t padding = (cache_line - 1) / sizeof(T) + 1;

public:
    explicit CachedIndexQueue(std::size_t capacity) : size_(capacity + 1), slots_(size_ + 2 * padding) {}

    bool try_push(const T& item)
    {
        const std::size_t write = write_.load(std::memory_order_relaxed);
        const std::size_t next = write + 1 == size_ ? 0 : write + 1;
        if (next == read_seen_) {
            read_seen_ = read_.load(std::memory_order_acquire);
            if (next == read_seen_) return false;
        }
        slots_[write + padding] = item;
        write_.store(next, std::memory_order_release);
        return true;
    }

    T* front()
    {
        const std::size_t read = read_.load(std::memory_order_relaxed);
        if (read == write_seen_) {
            write_seen_ = write_.load(std::memory_order_acquire);
            if (read == write_seen_) return nullptr;
        }
        return &slots_[read + padding];
    }

    void pop()
    {
        const std::size_t read = read_.load(std::memory_order_relaxed);
        read_.store(read + 1 == size_ ? 0 : read + 1, std::memory_order_release);
    }

private:
    const std::size_t size_;
    std::vector<T> slots_;
    alignas(cache_line) std::atomic<std::size_t> write_{0};
    alignas(cache_line) std::size_t read_seen_ = 0;
    alignas(cache_line) std::atomic<std::size_t> read_{0};
    alignas(cache_line) std::size_t write_seen_ = 0;
};

using Clock = std::chrono::steady_clock;

void keep_on(int cpu)  // a negative one: wherever the system likes
{
#if defined(__linux__)
    if (cpu < 0) return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
#else
    (void)cpu;
#endif
}

// Seconds from when the first thread starts to work, which is not before both are there, to when the last is done.
template <class Produce, class Consume>
double two_threads(const int* cpus, Produce produce, Consume consume)
{
    std::atomic<int> there{0};
    Clock::time_point starts[2], ends[2];
    auto run = [&](int which, auto work) {
        keep_on(cpus[which]);
        there++;
        while (there.load() < 2) std::this_thread::yield();
        starts[which] = Clock::now();
        work();
        ends[which] = Clock::now();
    };
    std::thread producer(run, 0, produce), consumer(run, 1, consume);
    producer.join();
    consumer.join();
    const auto start = starts[0] < starts[1] ? starts[0] : starts[1];
    const auto end = ends[0] < ends[1] ? ends[1] : ends[0];
    return std::chrono::duration<double>(end - start).count();
}

}  // namespace

extern "C" {

Floats* ring_new() { return new Floats; }
void ring_delete(Floats* ring) { delete ring; }
std::size_t ring_drain(Floats* ring, float* out) { return drain(*ring, out); }

void ring_push(Floats* ring, const float* items, std::size_t count)
{
    for (std::size_t i = 0; i < count; i++) ring->push_overwrite(items[i]);
}

void ring_pairs(Floats* ring, const float* items, float* out, std::size_t count)
{
    for (std::size_t i = 0; i < count; i++) {
        ring->push(items[i]);
        ring->pop(out[i]);
    }
}

TunedFloats* tuned_new() { return new TunedFloats; }
void tuned_delete(TunedFloats* ring) { delete ring; }
std::size_t tuned_drain(TunedFloats* ring, float* out) { return drain(*ring, out); }
void tuned_push(TunedFloats* ring, const float* items, std::size_t count) { ring->push_all(items, count); }

// Seconds that the numbers 0 to count - 1 took to the other side, or -1 where they came in another order.
double cached_items(const int* cpus, std::int64_t count)
{
    CachedIndexQueue<std::int64_t> queue(capacity_between);
    std::int64_t wrong = 0;
    const double seconds = two_threads(
        cpus,
        [&] {
            for (std::int64_t i = 0; i < count; i++)
                while (!queue.try_push(i)) {}
        },
        [&] {
            for (std::int64_t i = 0; i < count; i++) {
                std::int64_t* item;
                while (!(item = queue.front())) {}
                wrong += *item != i;
                queue.pop();
            }
        });
    return wrong == 0 ? seconds : -1.0;
}

#ifdef WITH_BOOST

const char* boost_version() { return BOOST_LIB_VERSION; }

using Circular = boost::circular_buffer<float>;
using OneThread = boost::lockfree::spsc_queue<float, boost::lockfree::capacity<capacity>>;
using TwoThreads = boost::lockfree::spsc_queue<std::int64_t, boost::lockfree::capacity<capacity_between>>;

Circular* circular_new() { return new Circular(capacity); }
void circular_delete(Circular* ring) { delete ring; }

std::size_t circular_drain(Circular* ring, float* out)
{
    std::size_t count = 0;
    for (; !ring->empty(); ring->pop_front()) out[count++] = ring->front();
    return count;
}

void circular_push(Circular* ring, const float* items, std::size_t count)
{
    for (std::size_t i = 0; i < count; i++) ring->push_back(items[i]);
}

void circular_pairs(Circular* ring, const float* items, float* out, std::size_t count)
{
    for (std::size_t i = 0; i < count; i++) {
        ring->push_back(items[i]);
        out[i] = ring->front();
        ring->pop_front();
    }
}

OneThread* spsc_new() { return new OneThread; }
void spsc_delete(OneThread* queue) { delete queue; }

void spsc_blocks(OneThread* queue, const float* block, float* out, std::size_t length, std::size_t times)
{
    for (std::size_t i = 0; i < times; i++) {
        queue->push(block, length);
        queue->pop(out, length);
    }
}

double spsc_items(const int* cpus, std::int64_t count)
{
    const auto queue = std::make_unique<TwoThreads>();
    std::int64_t wrong = 0;
    const double seconds = two_threads(
        cpus,
        [&] {
            for (std::int64_t i = 0; i < count; i++)
                while (!queue->push(i)) {}
        },
        [&] {
            for (std::int64_t i = 0; i < count; i++) {
                std::int64_t item;
                while (!queue->pop(item)) {}
                wrong += item != i;
            }
        });
    return wrong == 0 ? seconds : -1.0;
}

// Seconds that an array took to the other side; whether it is the same there, the caller sees.
double spsc_array(const int* cpus, const std::int64_t* items, std::int64_t* out, std::size_t count, std::size_t block)
{
    const auto queue = std::make_unique<TwoThreads>();
    return two_threads(
        cpus,
        [&] {
            for (std::size_t sent = 0; sent < count;)
                sent += queue->push(items + sent, block < count - sent ? block : count - sent);
        },
        [&] {
            for (std::size_t got = 0; got < count;)
                got += queue->pop(out + got, block < count - got ? block : count - got);
        });
}

#endif

}  // extern "C"
