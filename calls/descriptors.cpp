// SPDX-License-Identifier: GPL-2.0
#include "calls/descriptors.h"

#include "base/kept_memory.h"
#include "calls/process.h"
#include "stack/host/stack.h"

namespace alp::calls {

std::uint8_t kinds[kTableSize];

namespace {

OpenFile* files[kTableSize];
std::atomic<unsigned> end_of_table{0};

Lock table_lock;  // entries, reference counts, the pool
OpenFile* free_files;
OpenFile* pool;
std::size_t pool_left;

constexpr std::size_t kPoolChunkBytes = 64 * 1024;

/// One that was never used, out of memory that becomes real only now.
OpenFile* new_in_pool() {
    if (pool_left == 0) {
        pool = static_cast<OpenFile*>(keep_memory(kPoolChunkBytes));
        pool_left = pool != nullptr ? kPoolChunkBytes / sizeof(OpenFile) : 0;
    }
    if (pool_left == 0) {
        return nullptr;
    }
    --pool_left;
    return pool++;
}

void clear(OpenFile& file) {
    file.descriptors = 0;
    file.nonblocking = false;
    file.listening = false;
    file.has_port = false;
    file.watches_host = false;
    file.host_waiters = 0;
    file.host_first = false;
    file.accept_timeout_ms = 0;
    file.ports = false;
    file.host_bindable = false;
    file.dummy_bound = false;
    file.sigpipe = false;
    file.family = 0;
    file.type = 0;
    file.protocol = 0;
    file.binding.reset();
    file.claim = nullptr;
    file.member_fd = -1;
    file.accepts = false;
    file.next_free = nullptr;
}

}  // namespace

OpenFile* file_of(int fd) { return __atomic_load_n(&files[fd], __ATOMIC_ACQUIRE); }

OpenFile* new_file() {
    Locked locked(table_lock);
    OpenFile* file = free_files;
    if (file != nullptr) {
        free_files = file->next_free;
    } else if (file = new_in_pool(); file == nullptr) {
        return nullptr;
    }
    clear(*file);
    return file;
}

void install(int fd, Kind kind, OpenFile* file) {
    Locked locked(table_lock);
    file->descriptors.fetch_add(1);
    __atomic_store_n(&files[fd], file, __ATOMIC_RELEASE);
    __atomic_store_n(&kinds[fd], static_cast<std::uint8_t>(kind), __ATOMIC_RELEASE);
    if (static_cast<unsigned>(fd) >= end_of_table.load()) {
        end_of_table.store(static_cast<unsigned>(fd) + 1);
    }
}

OpenFile* remove(int fd) {
    settle_child();
    Locked locked(table_lock);
    if (is_host(fd)) {
        return nullptr;
    }
    stack::note_close();
    OpenFile* file = files[fd];
    // files[fd] stays as it is: a racing reader that saw the old kind still finds an object there.
    __atomic_store_n(&kinds[fd], static_cast<std::uint8_t>(Kind::host), __ATOMIC_RELEASE);
    return file->descriptors.fetch_sub(1) == 1 ? file : nullptr;
}

void recycle(OpenFile* file) {
    Locked locked(table_lock);
    file->next_free = free_files;
    free_files = file;
}

void set_kind(OpenFile* file, Kind kind) {
    Locked locked(table_lock);
    for_each_descriptor(0, kTableSize - 1, [&](int fd, Kind) {
        if (files[fd] == file) {
            __atomic_store_n(&kinds[fd], static_cast<std::uint8_t>(kind), __ATOMIC_RELEASE);
        }
    });
}

unsigned table_end() { return end_of_table.load(std::memory_order_relaxed); }

void reset_descriptors_after_fork() {
    table_lock.reset();
    for_each_descriptor(0, kTableSize - 1, [](int fd, Kind) { files[fd]->binding.reset(); });
}

}  // namespace alp::calls
