// SPDX-License-Identifier: GPL-2.0
// Stubs: where a call site that was taken over jumps to. See sites.h.
#pragma once

#include <cstddef>

namespace alp::calls {

/// A jump with a 32-bit distance.
inline constexpr std::size_t kJumpBytes = 5;

/// Makes stubs for one text, within the reach of jumps from and to it. One thread at a time.
class StubPool {
public:
    StubPool(unsigned char* text, std::size_t len);
    ~StubPool();
    StubPool(const StubPool&) = delete;
    StubPool& operator=(const StubPool&) = delete;

    /// False when no memory could be had near the text.
    [[nodiscard]] bool ok() const { return next_ != nullptr; }

    /// A stub that makes call `number` and goes on at `back`. Null when there is no room left.
    unsigned char* known_number(int number, const unsigned char* back);

    /// A stub that makes the call in %eax, then the `comparison_bytes` of instruction at `comparison`, then goes on at
    /// `back`. Null when there is no room left.
    unsigned char* any_number(const unsigned char* comparison, std::size_t comparison_bytes, const unsigned char* back);

    /// A stub for a call that makes a new process or thread (process.h), and goes on at `back`. Null when there is no
    /// room left.
    unsigned char* new_process(int number, const unsigned char* back);

private:
    bool grow();
    void put(const void* bytes, std::size_t len);
    void put_call();
    void put_jump_to(const unsigned char* target);
    void put_jump_if(unsigned char condition, const unsigned char* target);

    const unsigned char* text_;
    std::size_t len_;
    unsigned char* next_ = nullptr;
    unsigned char* end_ = nullptr;
};

/// Before the first call of the process's first thread. The stack that a thread makes its calls on comes, for this one
/// and for Alpine's own (which have enough of their own), out of memory that is there anyway: one area less for each
/// fork to copy.
void settle_side_stacks();

}  // namespace alp::calls
