// SPDX-License-Identifier: GPL-2.0
// A program that would rather use io_uring: if it gets a ring, what it sends by it on a socket arrives; if it is told
// ENOSYS (or EPERM, where an administrator has switched it off), it falls back to send().
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cstdint>

#include "check.h"

template <typename T>
static T* at(void* base, unsigned offset) {
    return reinterpret_cast<T*>(static_cast<char*>(base) + offset);
}

/// Submits one send through the ring and waits for its completion. The result the ring gives.
static int send_by_ring(int ring, const io_uring_params& params, int fd, const char* data, unsigned len) {
    const size_t entries_bytes = params.sq_entries * sizeof(io_uring_sqe);
    const size_t sq_bytes = params.sq_off.array + params.sq_entries * sizeof(unsigned);
    const size_t cq_bytes = params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe);
    const auto map = [ring](size_t bytes, off_t what) {
        void* place = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, what);
        CHECK(place != MAP_FAILED);
        return place;
    };
    void* sq = map(sq_bytes, IORING_OFF_SQ_RING);
    void* cq = map(cq_bytes, IORING_OFF_CQ_RING);
    auto* entry = static_cast<io_uring_sqe*>(map(entries_bytes, IORING_OFF_SQES));
    memset(entry, 0, sizeof(*entry));
    entry->opcode = IORING_OP_SEND;
    entry->fd = fd;
    entry->addr = reinterpret_cast<std::uint64_t>(data);
    entry->len = len;
    *at<unsigned>(sq, params.sq_off.array) = 0;
    __atomic_store_n(at<unsigned>(sq, params.sq_off.tail), 1, __ATOMIC_RELEASE);
    CHECK(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0) == 1);
    CHECK(__atomic_load_n(at<unsigned>(cq, params.cq_off.tail), __ATOMIC_ACQUIRE) == 1);
    return at<io_uring_cqe>(cq, params.cq_off.cqes)->res;
}

int main() {
    const Pair pair;
    io_uring_params params{};
    const long ring = syscall(SYS_io_uring_setup, 4, &params);
    if (ring >= 0) {
        CHECK(send_by_ring(static_cast<int>(ring), params, pair.client, "ringed", 6) == 6);
    } else {
        CHECK(errno == ENOSYS || errno == EPERM);
        CHECK(send(pair.client, "ringed", 6, 0) == 6);
    }
    set_time_limit(pair.server, SO_RCVTIMEO, 2000);
    char buffer[8];
    CHECK(recv(pair.server, buffer, sizeof(buffer), 0) == 6 && memcmp(buffer, "ringed", 6) == 0);
}
