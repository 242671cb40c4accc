// SPDX-License-Identifier: GPL-2.0
// The calls that are made for files, given a socket: fstat says what it is, the others refuse as the manual says.
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>

#include "check.h"

int main() {
    const Pair pair;
    const int fd = pair.server;
    struct stat first {
    }, second{};
    CHECK(fstat(fd, &first) == 0 && S_ISSOCK(first.st_mode) && first.st_size == 0);
    CHECK(fstat(pair.client, &second) == 0 && first.st_ino != second.st_ino);
    const int copy = dup(fd);
    CHECK(fstat(copy, &second) == 0 && first.st_ino == second.st_ino && first.st_dev == second.st_dev);
    struct statx extended {};
    CHECK(statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO, &extended) == 0 && S_ISSOCK(extended.stx_mode));
    CHECK(extended.stx_ino == first.st_ino);
    CHECK(fstatat(fd, "", &second, AT_EMPTY_PATH) == 0 && S_ISSOCK(second.st_mode));

    char path[64], target[64] = {}, expected[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    snprintf(expected, sizeof(expected), "socket:[%lu]", static_cast<unsigned long>(first.st_ino));
    CHECK(readlink(path, target, sizeof(target) - 1) > 0 && strcmp(target, expected) == 0);
    CHECK(stat(path, &second) == 0 && S_ISSOCK(second.st_mode));
    CHECK_FAILS(open(path, O_RDWR), ENXIO);

    char buffer[4];
    iovec vector{buffer, sizeof(buffer)};
    CHECK(write(pair.client, "data", 4) == 4);
    CHECK_FAILS(lseek(fd, 0, SEEK_CUR), ESPIPE);
    CHECK_FAILS(pread(fd, buffer, 4, 0), ESPIPE);
    CHECK_FAILS(pwrite(fd, buffer, 4, 0), ESPIPE);
    CHECK_FAILS(preadv(fd, &vector, 1, 0), ESPIPE);
    CHECK_FAILS(pwritev(fd, &vector, 1, 0), ESPIPE);
    CHECK_FAILS(ftruncate(fd, 0), EINVAL);
    CHECK_FAILS(fsync(fd), EINVAL);
    CHECK_FAILS(fdatasync(fd), EINVAL);
    CHECK_FAILS(fallocate(fd, 0, 0, 10), ENODEV);
    CHECK_FAILS(fchdir(fd), ENOTDIR);
    CHECK_FAILS(openat(fd, "x", O_RDONLY), ENOTDIR);
    CHECK(isatty(fd) == 0 && errno == ENOTTY);
    CHECK(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    CHECK_FAILS(copy_file_range(fd, nullptr, open("/dev/null", O_RDWR), nullptr, 4, 0), EINVAL);
    CHECK(flock(fd, LOCK_EX | LOCK_NB) == 0 && flock(fd, LOCK_UN) == 0);
    struct statfs system {};
    CHECK(fstatfs(fd, &system) == 0 && system.f_type == 0x534F434B /* SOCKFS_MAGIC */);
    CHECK(read(fd, buffer, 4) == 4 && memcmp(buffer, "data", 4) == 0);  // untouched by all of it
}
