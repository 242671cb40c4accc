// SPDX-License-Identifier: GPL-2.0
// The system calls that Alpine takes over, each as the kernel has it: arguments of x86-64's system call, answer a
// value or a negative errno. Any thread; those that may block end early, as the kernel's do, when a signal comes.
// Defined in the file of their family; source of the semantics: the call's page in section 2 of the manual.
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#include <cstddef>
#include <cstdint>

namespace alp::calls {

struct KernelAction;

// io.cpp
long sys_read(int fd, void* buffer, std::size_t len);
long sys_write(int fd, const void* buffer, std::size_t len);
long sys_readv(int fd, const iovec* vector, int count);
long sys_writev(int fd, const iovec* vector, int count);
long sys_preadv2(int fd, const iovec* vector, int count, off_t offset, int flags);
long sys_pwritev2(int fd, const iovec* vector, int count, off_t offset, int flags);
long sys_sendto(int fd, const void* buffer, std::size_t len, int flags, const sockaddr* address, socklen_t address_len);
long sys_recvfrom(int fd, void* buffer, std::size_t len, int flags, sockaddr* address, socklen_t* address_len);

// messages.cpp
long sys_sendmsg(int fd, const msghdr* message, int flags);
long sys_recvmsg(int fd, msghdr* message, int flags);
long sys_sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags);
long sys_recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout);

// passing.cpp
long sys_pidfd_getfd(int pidfd, int fd, unsigned flags);

// descriptor_calls.cpp
long sys_close(int fd);
long sys_close_range(unsigned first, unsigned last, int flags);
long sys_dup(int fd);
long sys_dup2(int from, int to);
long sys_dup3(int from, int to, int flags);

// control.cpp
long sys_fcntl(int fd, int command, long argument);
long sys_ioctl(int fd, unsigned long request, void* argument);
long sys_setsockopt(int fd, int level, int option, const void* value, socklen_t len);
long sys_getsockopt(int fd, int level, int option, void* value, socklen_t* len);

// sockets.cpp
long sys_socket(int family, int type, int protocol);
long sys_bind(int fd, const sockaddr* address, socklen_t len);
long sys_listen(int fd, int backlog);
long sys_accept(int fd, sockaddr* address, socklen_t* len);
long sys_accept4(int fd, sockaddr* address, socklen_t* len, int flags);
long sys_connect(int fd, const sockaddr* address, socklen_t len);
long sys_shutdown(int fd, int how);
long sys_getsockname(int fd, sockaddr* address, socklen_t* len);
long sys_getpeername(int fd, sockaddr* address, socklen_t* len);

// transfer.cpp
long sys_sendfile(int out, int in, off_t* offset, std::size_t count);
long sys_splice(int in, off64_t* in_offset, int out, off64_t* out_offset, std::size_t len, unsigned flags);
long sys_tee(int in, int out, std::size_t len, unsigned flags);

// poll.cpp: timeouts are written back, as the kernel does and libc hides
long sys_poll(pollfd* entries, nfds_t count, int timeout_ms);
long sys_ppoll(pollfd* entries, nfds_t count, timespec* timeout, const sigset_t* mask);
long sys_select(int count, fd_set* read, fd_set* write, fd_set* except, timeval* timeout);
long sys_pselect(int count, fd_set* read, fd_set* write, fd_set* except, timespec* timeout, const sigset_t* mask);

// epoll.cpp
long sys_epoll_create(int size);
long sys_epoll_create1(int flags);
long sys_epoll_ctl(int epoll, int operation, int target, epoll_event* event);
long sys_epoll_wait(int epoll, epoll_event* events, int room, int timeout_ms);
long sys_epoll_pwait(int epoll, epoll_event* events, int room, int timeout_ms, const sigset_t* mask);
long sys_epoll_pwait2(int epoll, epoll_event* events, int room, const timespec* timeout, const sigset_t* mask);

// paths.cpp
long sys_open(const char* path, int flags, unsigned mode);
long sys_creat(const char* path, unsigned mode);
long sys_openat(int folder, const char* path, int flags, unsigned mode);
long sys_openat2(int folder, const char* path, const void* how, std::size_t len);
long sys_stat(const char* path, void* status);
long sys_lstat(const char* path, void* status);
long sys_newfstatat(int folder, const char* path, void* status, int flags);
long sys_statx(int folder, const char* path, int flags, unsigned mask, void* status);
long sys_access(const char* path, int mode);
long sys_faccessat(int folder, const char* path, int mode);
long sys_faccessat2(int folder, const char* path, int mode, int flags);
long sys_readlink(const char* path, char* buffer, std::size_t len);
long sys_readlinkat(int folder, const char* path, char* buffer, std::size_t len);

// bpf.cpp
long sys_bpf(int command, void* attributes, unsigned len);

// files.cpp
long sys_fstat(int fd, void* status);
long sys_lseek(int fd, off_t offset, int whence);
long sys_pread64(int fd, void* buffer, std::size_t len, off_t offset);
long sys_pwrite64(int fd, const void* buffer, std::size_t len, off_t offset);
long sys_getdents64(int fd, void* buffer, std::size_t len);
long sys_copy_file_range(int in, off64_t* in_offset, int out, off64_t* out_offset, std::size_t len, unsigned flags);

// memory.cpp
long sys_mmap(void* address, std::size_t len, int protection, int flags, int fd, off_t offset);
long sys_munmap(void* address, std::size_t len);

// signals.cpp
long sys_rt_sigaction(int number, const KernelAction* wanted, KernelAction* old, std::size_t set_bytes);
long sys_rt_sigprocmask(int how, const std::uint64_t* set, std::uint64_t* old, std::size_t set_bytes);

// process.cpp: a child that has ended has closed its sockets by the time that its parent hears of it
long sys_kill(int whom, int signal);
long sys_tgkill(int process, int thread, int signal);
long sys_pidfd_send_signal(int pidfd, int signal, const siginfo_t* info, unsigned flags);
long sys_wait4(int child, int* status, int options, void* usage);
long sys_waitid(int kind, int child, siginfo_t* info, int options, void* usage);

// limits.cpp
long sys_prlimit64(int process, int resource, const rlimit* wanted, rlimit* old);
long sys_setrlimit(int resource, const rlimit* wanted);
long sys_getrlimit(int resource, rlimit* limit);
long sys_seccomp(unsigned operation, unsigned flags, void* argument);
long sys_prctl(int option, long a, long b, long c, long d);

// exec.cpp
long sys_execve(const char* path, char* const* arguments, char* const* environment);
long sys_execveat(int folder, const char* path, char* const* arguments, char* const* environment, int flags);

// exit.cpp
long sys_exit_group(int status);
long sys_exit(int status);

/// io_uring_setup: the rings would reach the dummies. Libraries fall back to plain calls.
long sys_io_uring_setup(unsigned entries, void* parameters);

}  // namespace alp::calls
