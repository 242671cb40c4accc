// SPDX-License-Identifier: GPL-2.0
#include "calls/text.h"

#include <string.h>

#include <algorithm>
#include <cstdint>

namespace alp::calls {

namespace {

constexpr std::size_t kLookBack = 20; /* how far before a syscall its number may be set */

std::int32_t read_i32(const Byte* from) {
    std::int32_t value;
    memcpy(&value, from, sizeof(value));
    return value;
}

__m128i load(const Byte* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); }

/// Does `mov $imm32,%eax` with the number of a possible call stand at `at`?
bool sets_number(const Byte* at) { return at[0] == 0xb8 && at[2] <= 1 && at[3] == 0 && at[4] == 0; }

/// Which stretches of a text hold a checked site: one bit for 64 bytes. Stretches of a text beyond kMaxBytes share the
/// bits of earlier ones: a marked place may hold none, an unmarked one never holds any.
class Stretches {
public:
    explicit Stretches(const Byte* text) : text_(text) {}

    void mark(const Byte* first, const Byte* last) {
        for (const Byte* at = first; at <= last; ++at) {
            bits_[stretch_of(at) / 64] |= std::uint64_t{1} << (stretch_of(at) % 64);
        }
    }
    void clear(const Byte* first, const Byte* last) {
        for (const Byte* at = first; at <= last; ++at) {
            bits_[stretch_of(at) / 64] = 0;
        }
    }
    [[nodiscard]] bool marked(const Byte* at) const {
        return (bits_[stretch_of(at) / 64] >> (stretch_of(at) % 64) & 1) != 0;
    }

private:
    static constexpr std::size_t kMaxBytes = std::size_t{256} << 20;

    [[nodiscard]] std::size_t stretch_of(const Byte* at) const {
        return static_cast<std::size_t>(at - text_) % kMaxBytes / 64;
    }

    const Byte* text_;
    static inline std::uint64_t bits_[kMaxBytes / 64 / 64];  // under the lock; only what a text touches becomes memory
};

/// Jumps with a distance of 32 bits (jmp, jcc) anywhere in the text, sixteen bytes at a time.
void note_far_jumps(const Byte* text, const Byte* end, const Stretches& stretches, Checked& checked) {
    // Most of what looks like a jump is none, and would lead anywhere.
    const auto len = static_cast<std::size_t>(end - text);
    const __m128i escape = _mm_set1_epi8(0x0f);
    const __m128i jmp = _mm_set1_epi8(static_cast<char>(0xe9));
    const __m128i jcc = _mm_set1_epi8(static_cast<char>(0x80));
    const __m128i high = _mm_set1_epi8(static_cast<char>(0xf0));
    for (const Byte* at = text + 1; at + 16 + 5 <= end; at += 16) {
        const __m128i bytes = load(at);
        const __m128i is_jcc =
            _mm_and_si128(_mm_cmpeq_epi8(_mm_and_si128(bytes, high), jcc), _mm_cmpeq_epi8(load(at - 1), escape));
        const __m128i either = _mm_or_si128(_mm_cmpeq_epi8(bytes, jmp), is_jcc);
        for (auto found = static_cast<unsigned>(_mm_movemask_epi8(either)); found != 0; found &= found - 1) {
            const Byte* opcode = at + __builtin_ctz(found);
            const Byte* target = opcode + 5 + read_i32(opcode + 1);
            if (static_cast<std::size_t>(target - text) < len && stretches.marked(target)) {
                checked.note_target(target);
            }
        }
    }
}

/// Jumps with a distance of 8 bits (jmp, jcc, loop, jrcxz) around the checked sites.
void note_near_jumps(const Byte* text, const Byte* end, Checked& checked) {
    constexpr long kReach = 132;
    for (unsigned i = 0; i < checked.count; ++i) {
        const Byte* site = checked.sites[i];
        const Byte* last = std::min<const Byte*>(end - 2, site + kReach);
        for (const Byte* at = std::max<const Byte*>(text, site - kReach); at <= last; ++at) {
            if ((*at & 0xf0) == 0x70 || *at == 0xeb || (*at & 0xfc) == 0xe0) {
                checked.note_target(at + 2 + static_cast<signed char>(at[1]));
            }
        }
    }
}

}  // namespace

bool is_syscall(const Byte* text, const Byte* at) {
    static constexpr Byte kOwn[] = {0x0f, 0x1f, 0x40, 0x2a};
    return at[0] == 0x0f && at[1] == 0x05 && !(at - text >= 4 && memcmp(at - 4, kOwn, 4) == 0);
}

bool is_thread_end(const Byte* text, const Byte* site, const Byte* end) {
    static constexpr Byte kBefore[kThreadEndBefore] = {0x31, 0xff, 0x89, 0xd0};
    static constexpr Byte kAfter[] = {0xeb, 0xf8};
    return site - text >= static_cast<long>(sizeof(kBefore)) && end - site >= 2 + static_cast<long>(sizeof(kAfter)) &&
           memcmp(site - sizeof(kBefore), kBefore, sizeof(kBefore)) == 0 &&
           memcmp(site + 2, kAfter, sizeof(kAfter)) == 0;
}

long number_right_before(const Byte* text, const Byte* site) {
    const Byte* mov = site - kMovBytes;
    return mov >= text && sets_number(mov) ? read_i32(mov + 1) : -1;
}

bool is_signal_return(const Byte* text, const Byte* site) {
    static constexpr Byte kMov[] = {0x48, 0xc7, 0xc0, 15, 0, 0, 0}; /* mov $15,%rax */
    return site - text >= static_cast<long>(sizeof(kMov)) && memcmp(site - sizeof(kMov), kMov, sizeof(kMov)) == 0;
}

long number_before(const Byte* text, const Byte* site) {
    if (site - text >= 2 && site[-2] == 0x31 && site[-1] == 0xc0) {
        return 0; /* xor %eax,%eax */
    }
    for (const Byte* at = site - kMovBytes; at >= text && at + kLookBack + kMovBytes >= site; --at) {
        if (sets_number(at)) {
            return read_i32(at + 1);
        }
    }
    return -1;
}

std::size_t comparison_bytes(const Byte* at, const Byte* end) {
    static constexpr Byte kTail[] = {0xf0, 0xff, 0xff};
    if (end - at >= 6 && at[0] == 0x48 && at[1] == 0x3d && at[2] <= 1 && memcmp(at + 3, kTail, 3) == 0) {
        return 6; /* cmp $-4096,%rax */
    }
    if (end - at >= 5 && at[0] == 0x3d && at[1] <= 1 && memcmp(at + 2, kTail, 3) == 0) {
        return 5; /* cmp $-4096,%eax */
    }
    return 0;
}

bool Checked::add(Byte* site) {
    if (count == kMax) {
        return false;
    }
    is_target[count] = false;
    sites[count++] = site;
    return true;
}

void Checked::note_target(const Byte* target) {
    Byte** end = sites + count;
    Byte** after = std::upper_bound(sites, end, target);
    // The jump that is to stand there covers five bytes; its first is the syscall itself, which may be a target.
    if (after != sites && target > after[-1] && target < after[-1] + kJumpBytes) {
        is_target[after - 1 - sites] = true;
    }
}

void note_jumps(const Byte* text, const Byte* end, Checked& checked) {
    if (checked.count == 0) {
        return;
    }
    Stretches stretches(text);
    for (unsigned i = 0; i < checked.count; ++i) {
        stretches.mark(checked.sites[i], checked.sites[i] + kJumpBytes);
    }
    note_far_jumps(text, end, stretches, checked);
    note_near_jumps(text, end, checked);
    for (unsigned i = 0; i < checked.count; ++i) {
        stretches.clear(checked.sites[i], checked.sites[i] + kJumpBytes);
    }
}

}  // namespace alp::calls
