// A ring buffer for one producer and one consumer, without locks.
//
// The sampling thread must never wait for the disk, so it drops the newest frame when the ring is
// full and counts the loss; the writer thread stores that count with the next block.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

namespace orbit {

template <typename Frame>
class TelemetryRing {
    static_assert(std::is_trivially_copyable_v<Frame>, "frames are copied as raw bytes");

public:
    // The capacity is rounded up to a power of two, so that an index is masked and not divided.
    explicit TelemetryRing(std::size_t wanted) : frames_(round_up(wanted)) {}

    TelemetryRing(const TelemetryRing&) = delete;
    TelemetryRing& operator=(const TelemetryRing&) = delete;

    // Producer only. Returns false where the frame was lost.
    bool push(const Frame& frame) {
        const std::uint64_t head = head_.load(std::memory_order_relaxed);
        if (head - cached_tail_ == frames_.size()) {
            cached_tail_ = tail_.load(std::memory_order_acquire);
            if (head - cached_tail_ == frames_.size()) {
                lost_.fetch_add(1, std::memory_order_relaxed);
                return false;
            }
        }
        frames_[head & (frames_.size() - 1)] = frame;
        head_.store(head + 1, std::memory_order_release);
        return true;
    }

    // Consumer only.
    std::optional<Frame> pop() {
        const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
        if (tail == head_.load(std::memory_order_acquire)) return std::nullopt;
        Frame frame = frames_[tail & (frames_.size() - 1)];
        tail_.store(tail + 1, std::memory_order_release);
        return frame;
    }

    // Consumer only: takes as many frames as there are, at most `limit`, and returns their number.
    std::size_t drain(std::vector<Frame>& out, std::size_t limit) {
        std::size_t taken = 0;
        while (taken < limit) {
            std::optional<Frame> frame = pop();
            if (!frame) break;
            out.push_back(*frame);
            ++taken;
        }
        return taken;
    }

    // Frames lost since the last call.
    std::uint64_t take_lost() { return lost_.exchange(0, std::memory_order_relaxed); }

    std::size_t capacity() const { return frames_.size(); }

private:
    static std::size_t round_up(std::size_t wanted) {
        std::size_t size = 2;
        while (size < wanted) size *= 2;
        return size;
    }

    std::vector<Frame> frames_;
    // Head and tail on lines of their own: sharing one costs a cache miss for every frame.
    alignas(64) std::atomic<std::uint64_t> head_{0};
    std::uint64_t cached_tail_ = 0;
    alignas(64) std::atomic<std::uint64_t> tail_{0};
    alignas(64) std::atomic<std::uint64_t> lost_{0};
};

}  // namespace orbit
