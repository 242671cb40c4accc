// SPDX-License-Identifier: GPL-2.0
// Looking through machine code for call sites: the patterns of sites.h, without changing anything.
#pragma once

#include <emmintrin.h>

#include <cstddef>

#include "calls/stubs.h"

namespace alp::calls {

using Byte = unsigned char;

/// mov $imm32,%eax
inline constexpr std::size_t kMovBytes = 5;

/// A `syscall` instruction that is not Alpine's own (base/raw_syscall.h)? `text`: where the code begins.
[[nodiscard]] bool is_syscall(const Byte* text, const Byte* at);

/// Is the syscall at `site` that of a signal trampoline (rt_sigreturn)? Debuggers know those by their bytes.
[[nodiscard]] bool is_signal_return(const Byte* text, const Byte* site);

/// Is the syscall at `site` the end of a thread as libc has it, an endless loop of: xor %edi,%edi; mov %edx,%eax;
/// syscall? It begins kThreadEndBefore bytes before.
[[nodiscard]] bool is_thread_end(const Byte* text, const Byte* site, const Byte* end);
inline constexpr std::size_t kThreadEndBefore = 4;

/// The number that `mov $NUMBER,%eax` directly before the syscall at `site` sets; -1 if there is no such instruction.
[[nodiscard]] long number_right_before(const Byte* text, const Byte* site);

/// The same for a mov a few instructions before it.
[[nodiscard]] long number_before(const Byte* text, const Byte* site);

/// Length of the comparison of a result with the range of errors at `at`; 0 if there is none.
[[nodiscard]] std::size_t comparison_bytes(const Byte* at, const Byte* end);

/// Sites followed by a comparison, in ascending order, and whether a jump may lead to it.
struct Checked {
    static constexpr unsigned kMax = 4096;

    Byte* sites[kMax];
    bool is_target[kMax];
    unsigned count = 0;

    /// False when there is no room.
    [[nodiscard]] bool add(Byte* site);

    /// Something that may be a jump leads to `target`.
    void note_target(const Byte* target);
};

/// Finds every byte sequence that is a relative jump if it is an instruction at all, and leads to a checked site. One
/// thread at a time.
void note_jumps(const Byte* text, const Byte* end, Checked& checked);

/// Calls visit(site) for each `syscall` in the text, in ascending order.
template <typename Visit>
void for_each_syscall(Byte* text, const Byte* end, Visit visit) {
    const __m128i first = _mm_set1_epi8(0x0f);
    const __m128i second = _mm_set1_epi8(0x05);
    const auto load = [](const Byte* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); };
    Byte* at = text;
    for (; at + 17 <= end; at += 16) {
        const __m128i both = _mm_and_si128(_mm_cmpeq_epi8(load(at), first), _mm_cmpeq_epi8(load(at + 1), second));
        for (auto found = static_cast<unsigned>(_mm_movemask_epi8(both)); found != 0; found &= found - 1) {
            if (Byte* site = at + __builtin_ctz(found); is_syscall(text, site)) {
                visit(site);
            }
        }
    }
    for (; at + 2 <= end; ++at) {
        if (is_syscall(text, at)) {
            visit(at);
        }
    }
}

}  // namespace alp::calls
