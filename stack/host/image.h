// SPDX-License-Identifier: GPL-2.0
// The stack image and the arena in this process's memory.
#pragma once

#include <cstdint>
#include <string>

#include "abi/stack.h"
#include "base/result.h"

namespace alp::stack {

/// Loads the image at its fixed address, checks its ABI version, and lays the arena over its data: one shared
/// memory object that holds the image's writable data and, behind it, `memory_bytes` of RAM for the stack.
/// The mapping lives as long as the process. Returns the image's table.
/// Errors: ENOENT, ENOEXEC (not a stack image), EPROTO (other ABI version), EADDRINUSE (region taken), ENOMEM.
Result<const alpine_stack_image*> load_image(const std::string& path, std::uint64_t memory_bytes);

/// Path of the stack image that a family's memory object belongs to. Errors: EPROTO its layout is another.
Result<std::string> image_path_of(int memory, std::uint64_t layout);

/// The same in a process that joins a family: the arena is what `memory`, the family's memory object, holds.
/// Errors: as above, and EPROTO for a memory object of another build.
Result<const alpine_stack_image*> load_shared_image(const std::string& path, int memory);

/// The memory object of the image and arena loaded here; close-on-exec, private to Alpine. -1: none yet.
[[nodiscard]] int arena_fd();

/// Where the region that the family shares begins: behind the stack's RAM. kFamilyBytes long.
[[nodiscard]] void* family_region();

/// End of the arena, for the boot parameters.
std::uint64_t arena_end(const alpine_stack_image& image, std::uint64_t memory_bytes);

/// Maps the process's private page at ALPINE_PROCESS_ADDR.
Result<alpine_process*> map_process_page();

}  // namespace alp::stack
