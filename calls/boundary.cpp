// SPDX-License-Identifier: GPL-2.0
#include "calls/boundary.h"

#include <Zydis/Zydis.h>
#include <dlfcn.h>
#include <string.h>

#include <cstdint>

namespace alp::calls {

namespace {

/// .eh_frame_hdr with the one encoding that linkers write (LSB, "DWARF Extensions").
struct UnwindIndex {
    std::uint8_t version;
    std::uint8_t frame_encoding;
    std::uint8_t count_encoding;
    std::uint8_t table_encoding;
    std::int32_t frame;
    std::uint32_t count;
    struct Entry {
        std::int32_t start;  ///< of a function, from the beginning of the index
        std::int32_t description;
    } entries[1];
};

constexpr long kFurthest = 32 * 1024; /* a longer "function" is code that some generator laid out, and costs too much */
constexpr std::uint8_t kCountEncoding = 0x03; /* DW_EH_PE_udata4 */
constexpr std::uint8_t kTableEncoding = 0x3b; /* DW_EH_PE_datarel | DW_EH_PE_sdata4 */

/// Where the function that holds `at` begins; null if nobody says.
const Byte* function_start(const Byte* at) {
    dl_find_object object{};
    if (_dl_find_object(const_cast<Byte*>(at), &object) != 0 || object.dlfo_eh_frame == nullptr) {
        return nullptr;
    }
    const auto* base = static_cast<const Byte*>(object.dlfo_eh_frame);
    const auto* index = static_cast<const UnwindIndex*>(object.dlfo_eh_frame);
    if (index->version != 1 || index->count_encoding != kCountEncoding || index->table_encoding != kTableEncoding) {
        return nullptr;
    }
    const Byte* found = nullptr;
    std::uint32_t first = 0;
    for (std::uint32_t last = index->count; first < last;) {
        const std::uint32_t middle = first + (last - first) / 2;
        const Byte* start = base + index->entries[middle].start;
        if (start <= at) {
            found = start;
            first = middle + 1;
        } else {
            last = middle;
        }
    }
    return found;
}

/// What is used of Zydis.
struct Decoder {
    decltype(&ZydisDecoderInit) init;
    decltype(&ZydisDecoderDecodeInstruction) decode;
    ZydisDecoder state;
    bool usable;
};

Decoder load_decoder() {
    Decoder decoder{};
    void* library = dlopen("libZydis.so.4.0", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        return decoder;
    }
    decoder.init = reinterpret_cast<decltype(decoder.init)>(dlsym(library, "ZydisDecoderInit"));
    decoder.decode = reinterpret_cast<decltype(decoder.decode)>(dlsym(library, "ZydisDecoderDecodeInstruction"));
    decoder.usable = decoder.init != nullptr && decoder.decode != nullptr &&
                     ZYAN_SUCCESS(decoder.init(&decoder.state, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64));
    return decoder;
}

}  // namespace

Boundary starts_instruction(const Byte* at) {
    static const Decoder decoder = load_decoder();
    const Byte* next = function_start(at);
    if (!decoder.usable || next == nullptr || at - next > kFurthest) {
        return Boundary::unknown;
    }
    while (next < at) {
        ZydisDecodedInstruction instruction;
        const auto room = static_cast<std::size_t>(at - next) + ZYDIS_MAX_INSTRUCTION_LENGTH;
        if (!ZYAN_SUCCESS(decoder.decode(&decoder.state, nullptr, next, room, &instruction))) {
            return Boundary::unknown;
        }
        next += instruction.length;
    }
    return next == at ? Boundary::yes : Boundary::no;
}

}  // namespace alp::calls
