// SPDX-License-Identifier: GPL-2.0
#include "calls/shared.h"

namespace alp::calls {

namespace {

constexpr std::size_t kRegistryBytes = 12UL << 20; /* of claims, for alpined's next life */

}  // namespace

void lay_out_shared_memory() {
    const stack::SharedMemory memory = stack::shared_memory();
    char* at = static_cast<char*>(memory.start) + (sizeof(Shared) + 4095) / 4096 * 4096;
    shared().client.registry.use_memory(at, kRegistryBytes);
    at += kRegistryBytes;
    shared().claims.pool_next = at;
    shared().claims.pool_end = static_cast<char*>(memory.start) + memory.len_bytes;
}

}  // namespace alp::calls
