// SPDX-License-Identifier: GPL-2.0
#include "stack/host/image.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/raw_syscall.h"
#include "base/unique_fd.h"
#include "stack/host/family.h"
#include "stack/host/private_fd.h"

namespace alp::stack {

namespace {

constexpr long kPageBytes = 4096;
constexpr long kStructPageBytes = 56;  // of a stack of today; the array of them lies at the end of its RAM
constexpr const char* kSymbol = "alpine_stack_image";

int memory_fd = -1;
char* shared_region;

Error taken(const std::string& what) {
    return Error{EADDRINUSE, what +
                                 " is already mapped in this program, and the stack has to lie there; "
                                 "run it without whatever maps it (sanitizer runtimes do)"};
}

/// The loader honours a preferred address that is free; anything else would have moved the image.
bool is_at_base(void* handle) {
    link_map* map = nullptr;
    return dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map->l_addr == 0;
}

Result<const alpine_stack_image*> check(void* handle, const std::string& path) {
    const auto* image = static_cast<const alpine_stack_image*>(dlsym(handle, kSymbol));
    if (image == nullptr) {
        return Error{ENOEXEC, path + " is not a stack image; build one with ./dev build"};
    }
    if (image->magic != ALPINE_STACK_MAGIC || image->abi_version != ALPINE_STACK_ABI_VERSION) {
        return Error{EPROTO, path + " has stack ABI version " + std::to_string(image->abi_version) +
                                 ", this libalpine.so has " + std::to_string(ALPINE_STACK_ABI_VERSION) +
                                 "; rebuild both with ./dev build"};
    }
    if (!is_at_base(handle)) {
        return taken("the address of the stack image");
    }
    return image;
}

bool write_all(int fd, const char* from, long len_bytes) {
    for (long done = 0; done < len_bytes;) {
        const long written = raw_syscall(SYS_pwrite64, fd, arg(from + done), len_bytes - done, done);
        if (written <= 0) {
            return false;
        }
        done += written;
    }
    return true;
}

/// 0 or a negative errno; -EEXIST: something is mapped there already.
long map_at(char* where, long len_bytes, int fixed, int fd, long offset) {
    const long mapped = raw_syscall(SYS_mmap, arg(where), len_bytes, PROT_READ | PROT_WRITE | PROT_EXEC,
                                    MAP_SHARED | MAP_NORESERVE | fixed, fd, offset);
    if (mapped == arg(where)) {
        return 0;
    }
    return mapped < 0 ? mapped : -EEXIST;
}

/// The boot is sure to write here: all pages at once, not a fault for each. (A hint, which hosts before 5.14 ignore.)
void touch(char* from, long len_bytes) {
    raw_syscall(SYS_madvise, arg(from), len_bytes / kPageBytes * kPageBytes, MADV_POPULATE_WRITE);
}

Error no_memory(std::uint64_t memory_bytes) {
    return Error{ENOMEM, "cannot make the stack's arena of " + std::to_string(memory_bytes >> 20) + " MiB"};
}

/// Lays `memory` over the image's data and behind it: the data itself, `ram_bytes` of RAM, what the family shares.
Result<void> map_memory(const alpine_stack_image& image, int memory, long ram_bytes) {
    char* data = static_cast<char*>(image.data_start);
    const long data_bytes = static_cast<char*>(image.data_end) - data;
    const long behind_bytes = ram_bytes + static_cast<long>(kFamilyBytes);
    if (const long error = map_at(data + data_bytes, behind_bytes, MAP_FIXED_NOREPLACE, memory, data_bytes);
        error != 0) {
        return error == -EEXIST ? taken("the memory behind the stack image")
                                : no_memory(static_cast<std::uint64_t>(ram_bytes));
    }
    if (map_at(data, data_bytes, MAP_FIXED, memory, 0) != 0) {
        return no_memory(static_cast<std::uint64_t>(ram_bytes));
    }
    shared_region = data + data_bytes + ram_bytes;
    return {};
}

/// Replaces the image's private data by shared memory with the same contents, and adds the RAM behind it.
Result<void> lay_arena(const alpine_stack_image& image, std::uint64_t memory_bytes) {
    char* data = static_cast<char*>(image.data_start);
    const long data_bytes = static_cast<char*>(image.data_end) - data;
    const long ram_bytes = static_cast<long>(memory_bytes);

    UniqueFd memory(static_cast<int>(raw_syscall(SYS_memfd_create, arg("alpine-arena"), MFD_CLOEXEC)));
    if (!memory.valid() ||
        raw_syscall(SYS_ftruncate, memory.get(), data_bytes + ram_bytes + static_cast<long>(kFamilyBytes)) < 0 ||
        !write_all(memory.get(), data, data_bytes)) {
        return no_memory(memory_bytes);
    }
    if (Result<void> done = map_memory(image, memory.get(), ram_bytes); !done) {
        return done;
    }
    const long page_array_bytes = ram_bytes / kPageBytes * kStructPageBytes / kPageBytes * kPageBytes;
    touch(data, data_bytes);
    touch(data + data_bytes + ram_bytes - page_array_bytes, page_array_bytes);
    memory_fd = adopt_private_fd(memory.release());
    return {};
}

Result<const alpine_stack_image*> open_image(const std::string& path) {
    if (raw_syscall(SYS_access, arg(path.c_str()), R_OK) < 0) {
        return Error{ENOENT, "stack image " + path + " (build it with ./dev build)"};
    }
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        return Error{ENOEXEC, std::string("cannot load stack image: ") + dlerror()};
    }
    Result<const alpine_stack_image*> image = check(handle, path);
    if (!image) {
        dlclose(handle);
    }
    return image;
}

}  // namespace

Result<const alpine_stack_image*> load_image(const std::string& path, std::uint64_t memory_bytes) {
    Result<const alpine_stack_image*> image = open_image(path);
    if (image) {
        if (Result<void> done = lay_arena(*image.value(), memory_bytes); !done) {
            return done.error();
        }
    }
    return image;
}

Result<std::string> image_path_of(int memory, std::uint64_t layout) {
    struct {
        std::uint64_t layout;
        char path[sizeof(Family::image_path)];
    } head{};
    static_assert(offsetof(Family, image_path) == sizeof(head.layout));
    const long bytes = raw_syscall(SYS_lseek, memory, 0, SEEK_END);
    const long at = bytes - static_cast<long>(kFamilyBytes);
    if (at < 0 || raw_syscall(SYS_pread64, memory, arg(&head), sizeof(head), at) != sizeof(head) ||
        head.layout != layout) {
        return Error{EPROTO, "the stack to join is of another build of Alpine"};
    }
    head.path[sizeof(head.path) - 1] = '\0';
    return std::string(head.path);
}

Result<const alpine_stack_image*> load_shared_image(const std::string& path, int memory) {
    Result<const alpine_stack_image*> image = open_image(path);
    if (!image) {
        return image;
    }
    const long data_bytes = static_cast<char*>(image.value()->data_end) - static_cast<char*>(image.value()->data_start);
    const long bytes = raw_syscall(SYS_lseek, memory, 0, SEEK_END);
    const long ram_bytes = bytes - data_bytes - static_cast<long>(kFamilyBytes);
    if (ram_bytes <= 0) {
        return Error{EPROTO, "the memory of the stack to join is not one of this build's"};
    }
    if (Result<void> done = map_memory(*image.value(), memory, ram_bytes); !done) {
        return done.error();
    }
    memory_fd = memory;
    note_private_fd(memory);
    return image;
}

int arena_fd() { return memory_fd; }

void* family_region() { return shared_region; }

std::uint64_t arena_end(const alpine_stack_image& image, std::uint64_t memory_bytes) {
    return reinterpret_cast<std::uint64_t>(image.data_end) + memory_bytes;
}

Result<alpine_process*> map_process_page() {
    const long mapped = raw_syscall(SYS_mmap, ALPINE_PROCESS_ADDR, kPageBytes, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (mapped != static_cast<long>(ALPINE_PROCESS_ADDR)) {
        return taken("the page at the stack's process address");
    }
    return ALPINE_PROCESS;
}

}  // namespace alp::stack
