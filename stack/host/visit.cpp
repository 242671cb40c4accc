// SPDX-License-Identifier: GPL-2.0
#include "stack/host/visit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "stack/host/family.h"

namespace alp::stack {

namespace {

constexpr const char* kMemoryName = "/memfd:alpine-arena";

/// Opens the memory object anew, by any of its descriptors there.
Result<UniqueFd> open_memory(const std::string& folder) {
    DIR* fds = opendir(folder.c_str());
    if (fds == nullptr) {
        const int code = errno;
        return code == ENOENT ? Error{ESRCH, "there is no such process"}
                              : Error{EPERM, "it is another user's: only root may enter it"};
    }
    UniqueFd memory;
    for (const dirent* entry = readdir(fds); entry != nullptr && !memory.valid(); entry = readdir(fds)) {
        const std::string path = folder + "/" + entry->d_name;
        char target[64] = "";
        if (readlink(path.c_str(), target, sizeof(target) - 1) > 0 &&
            std::string(target).compare(0, sizeof("/memfd:alpine-arena") - 1, kMemoryName) == 0) {
            memory.reset(open(path.c_str(), O_RDWR | O_CLOEXEC));
        }
    }
    closedir(fds);
    if (!memory.valid()) {
        return Error{ENOENT, "it carries no stack: only a program that has used a socket under Alpine does"};
    }
    return memory;
}

/// The descriptors of a member of the family.
Result<FamilyDescriptors> read_descriptors(int memory, pid_t process) {
    struct stat status {};
    const off_t at = fstat(memory, &status) == 0 ? status.st_size - static_cast<off_t>(kFamilyBytes) : -1;
    void* mapped = at < 0 ? MAP_FAILED : mmap(nullptr, sizeof(Family), PROT_READ, MAP_SHARED, memory, at);
    if (mapped == MAP_FAILED) {
        return Error{EPROTO, "its stack is of another build of Alpine"};
    }
    const auto* family = static_cast<const Family*>(mapped);
    const Member* found =
        std::find_if(family->members, family->members + std::min<std::size_t>(family->end, Family::kMaxMembers),
                     [process](const Member& member) { return member.process == static_cast<std::uint32_t>(process); });
    const bool is_member = found != family->members + family->end;
    const FamilyDescriptors descriptors = is_member ? found->descriptors : FamilyDescriptors{};
    munmap(mapped, sizeof(Family));
    if (!is_member) {
        return Error{ENOENT, "it carries no stack any more"};
    }
    return descriptors;
}

}  // namespace

Result<Visit> visit_process(pid_t process) {
    auto memory = open_memory("/proc/" + std::to_string(process) + "/fd");
    if (!memory) {
        return memory.error();
    }
    const auto descriptors = read_descriptors(memory.value().get(), process);
    if (!descriptors) {
        return descriptors.error();
    }
    const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
    const FamilyDescriptors& there = descriptors.value();
    const int wanted[] = {there.memory,    there.wire,      there.kick,     there.daemon[0],
                          there.daemon[1], there.daemon[2], there.daemon[3]};
    Visit visit;
    for (std::size_t i = 0; i < visit.size(); ++i) {
        visit[i].reset(wanted[i] < 0 ? -1 : static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), wanted[i], 0)));
        if (wanted[i] >= 0 && !visit[i].valid()) {
            return Error{errno,
                         "its descriptors cannot be had: as for a debugger, it must be your own, and "
                         "kernel.yama.ptrace_scope must be 0"};
        }
    }
    return visit;
}

}  // namespace alp::stack
