# SPDX-License-Identifier: GPL-2.0
"""What a service's sandbox forbids, tried from within: prints the name of each attempt that is let through, a line each.

Nothing is done by an attempt: files are opened and not written, and calls that would change something get arguments that
are wrong, so that they fail with another error than the sandbox's.
"""
import ctypes
import errno
import mmap
import os
import socket
import stat
import sys
import tempfile

libc = ctypes.CDLL(None, use_errno=True)
SYS = {"mount": 165, "setns": 308, "clock_settime": 227, "finit_module": 313, "syslog": 103, "unshare": 272, "chroot": 161,
       "personality": 135, "sched_setscheduler": 144, "setuid": 105, "sethostname": 170, "add_key": 248, "ptrace": 101,
       "io_setup": 206, "mlockall": 151, "shmget": 29}
REFUSED = (errno.EPERM, errno.EACCES, errno.EROFS, errno.EAFNOSUPPORT)
PR_CAPBSET_READ, PR_GET_NO_NEW_PRIVS, CAP_SYS_PTRACE = 23, 39, 19
CLONE_NEWUSER, SYSLOG_SIZE, PER_LINUX32, SCHED_FIFO = 0x10000000, 10, 8, 1


def call(name, *arguments):
    """Gets through when the kernel looks at its arguments."""
    ctypes.set_errno(0)
    if libc.syscall(SYS[name], *arguments) < 0 and ctypes.get_errno() in REFUSED:
        raise OSError(ctypes.get_errno(), name)


def open_to_write(path):
    os.close(os.open(path, os.O_WRONLY))


def make_file(folder):
    with tempfile.NamedTemporaryFile(dir=folder):
        pass


def read_folder(path):
    if not os.listdir(path):
        raise PermissionError(path)


def see_user(uid):
    if not any(name.isdigit() and os.stat("/proc/" + name).st_uid == uid for name in os.listdir("/proc")):
        raise PermissionError(uid)


def set_user_id():
    with tempfile.NamedTemporaryFile(dir="/tmp") as file:
        os.chmod(file.name, 0o700 | stat.S_ISUID)


def in_child(function, *arguments):
    """For what would change this process. Forking is not forbidden."""
    pid = os.fork()
    if pid == 0:
        try:
            function(*arguments)
            os._exit(0)
        except BaseException:
            os._exit(1)
    if os.waitpid(pid, 0)[1] != 0:
        raise PermissionError(function.__name__)


def any_family(*families):
    """Those that this kernel has."""
    for family in families:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
            try:
                socket.socket(family, kind).close()
                return
            except OSError:
                pass
    raise PermissionError("socket")


def is_so(true):
    if not true:
        raise PermissionError


priority = ctypes.c_int(1)
elsewhere = sys.argv[1]  # a folder that can be written, with the device node "kmsg"; and the machine's IPC namespace
ATTEMPTS = {
    "write a file": lambda: make_file(elsewhere),
    "see the users' /tmp": lambda: read_folder("/tmp"),
    "see /home": lambda: read_folder("/home"),
    "see /root": lambda: read_folder("/root"),
    "open a device": lambda: os.close(os.open(elsewhere + "/kmsg", os.O_RDONLY)),
    "see the TUN's neighbours in /dev": lambda: os.stat("/dev/console"),
    "make a device": lambda: in_child(os.mknod, "/tmp/node", stat.S_IFCHR, os.makedev(1, 3)),
    "write the kernel's tunables": lambda: open_to_write("/proc/sys/kernel/msgmax"),
    "write the host's name": lambda: open_to_write("/proc/sys/kernel/domainname"),
    "write a control group": lambda: open_to_write("/sys/fs/cgroup/cgroup.procs"),
    "see another user's process": lambda: see_user(65534),
    "make memory writable and executable": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC).close(),
    "make a namespace": lambda: in_child(call, "unshare", CLONE_NEWUSER),
    "join a namespace": lambda: call("setns", -1, 0),
    "mount": lambda: call("mount", 0, 0, 0, 0, 0),
    "chroot": lambda: call("chroot", 0),
    "set the clock": lambda: call("clock_settime", 0, 0),
    "load a module": lambda: call("finit_module", -1, 0, 0),
    "read the kernel's log": lambda: call("syslog", SYSLOG_SIZE, 0, 0),
    "change its personality": lambda: in_child(call, "personality", PER_LINUX32),
    "have a real-time priority": lambda: in_child(call, "sched_setscheduler", 0, SCHED_FIFO, ctypes.byref(priority)),
    "set a user ID": lambda: in_child(call, "setuid", 65534),
    "make a set-user-ID file": set_user_id,
    "set the host's name": lambda: call("sethostname", 0, -1),
    "have a key": lambda: call("add_key", 0, 0, 0, 0, 0),
    "gain a capability": lambda: is_so(libc.prctl(PR_CAPBSET_READ, CAP_SYS_PTRACE, 0, 0, 0)),
    "gain privileges by exec": lambda: is_so(not libc.prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)),
    "share its files": lambda: is_so(os.umask(0o077) != 0o077),
    "share memory of System V": lambda: is_so(os.readlink("/proc/self/ns/ipc") == sys.argv[2]),
    "trace": lambda: call("ptrace", -1, -1, 0, 0),
    "have an asynchronous context": lambda: call("io_setup", 0, 0),
    "lock memory": lambda: call("mlockall", -1),
    "make memory of System V": lambda: call("shmget", 0, 0, 0),
    "have a socket of another family": lambda: any_family(socket.AF_VSOCK, socket.AF_ALG, socket.AF_TIPC),
}

for name, attempt in ATTEMPTS.items():
    try:
        attempt()
        print(name)
    except OSError:
        pass
print("end")
