// SPDX-License-Identifier: GPL-2.0
// Whoever asks the network for the Unix sockets finds the program's own: by sock_diag(7), one and all, and in
// /proc/net/protocols and /proc/net/unix.
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <string>

#include "check.h"

namespace {

struct Request {
    nlmsghdr header;
    unix_diag_req about;
};

unsigned inode_of(int fd) {
    struct stat status {};
    CHECK(fstat(fd, &status) == 0);
    return static_cast<unsigned>(status.st_ino);
}

void ask(int fd, int flags, unsigned inode) {
    Request request{};
    request.header.nlmsg_len = sizeof(request);
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = static_cast<unsigned short>(NLM_F_REQUEST | flags);
    request.header.nlmsg_seq = 17;
    request.about.sdiag_family = AF_UNIX;
    request.about.udiag_states = ~0U;
    request.about.udiag_ino = inode;
    request.about.udiag_cookie[0] = request.about.udiag_cookie[1] = ~0U;  // any
    request.about.udiag_show = UDIAG_SHOW_UID;
    CHECK(send(fd, &request, sizeof(request), 0) == sizeof(request));
}

/// The user that an answer names; its header is as the asker wants it.
unsigned user_in(int fd, const nlmsghdr* message) {
    sockaddr_nl own{};
    socklen_t len = sizeof(own);
    CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&own), &len) == 0);
    CHECK(message->nlmsg_seq == 17 && message->nlmsg_pid == own.nl_pid);
    const char* at = static_cast<const char*>(NLMSG_DATA(message)) + NLMSG_ALIGN(sizeof(unix_diag_msg));
    const auto* attribute = reinterpret_cast<const nlattr*>(at);
    for (; attribute->nla_type != UNIX_DIAG_UID; attribute = reinterpret_cast<const nlattr*>(at)) {
        at += NLA_ALIGN(attribute->nla_len);
        CHECK(at < reinterpret_cast<const char*>(message) + message->nlmsg_len);
    }
    return *reinterpret_cast<const unsigned*>(attribute + 1);
}

void one_is_found(int fd, unsigned inode) {
    alignas(nlmsghdr) char answer[8192];
    ask(fd, 0, inode);
    const ssize_t len = recv(fd, answer, sizeof(answer), 0);
    const auto* message = reinterpret_cast<const nlmsghdr*>(answer);
    CHECK(len > 0 && NLMSG_OK(message, static_cast<unsigned>(len)));
    CHECK(message->nlmsg_type == SOCK_DIAG_BY_FAMILY);
    CHECK(user_in(fd, message) == getuid());
    const auto* found = static_cast<const unix_diag_msg*>(NLMSG_DATA(message));
    CHECK(found->udiag_ino == inode && found->udiag_type == SOCK_STREAM);
}

void one_is_not_found(int fd) {
    struct {
        nlmsghdr header;
        nlmsgerr error;
    } answer{};
    ask(fd, NLM_F_ACK, ~0U);
    CHECK(recv(fd, &answer, sizeof(answer), MSG_TRUNC) >= static_cast<ssize_t>(sizeof(answer)));
    CHECK(answer.header.nlmsg_type == NLMSG_ERROR && answer.error.error == -ENOENT);
}

/// How many sockets a list has of the given two, read in pieces of `room` bytes.
int listed(int fd, unsigned first, unsigned second, size_t room) {
    alignas(nlmsghdr) static char answer[65536];
    ask(fd, NLM_F_DUMP, 0);
    for (int found = 0;;) {
        const ssize_t len = recv(fd, answer, room, 0);
        CHECK(len > 0);
        auto left = static_cast<unsigned>(len);
        for (auto* message = reinterpret_cast<nlmsghdr*>(answer); NLMSG_OK(message, left);
             message = NLMSG_NEXT(message, left)) {
            if (message->nlmsg_type == NLMSG_DONE) {
                return found;
            }
            CHECK(message->nlmsg_type == SOCK_DIAG_BY_FAMILY && (message->nlmsg_flags & NLM_F_MULTI) != 0);
            const auto* socket = static_cast<const unix_diag_msg*>(NLMSG_DATA(message));
            found += socket->udiag_ino == first || socket->udiag_ino == second ? 1 : 0;
        }
    }
}

std::string text_of(const char* path) {
    FILE* file = fopen(path, "r");
    CHECK(file != nullptr);
    std::string text;
    for (int c = 0; (c = getc(file)) != EOF;) {
        text += static_cast<char>(c);
    }
    CHECK(fclose(file) == 0);
    return text;
}

/// The number of sockets of a protocol; -1: it is not in the list.
int counted(const char* protocol) {
    const std::string text = "\n" + text_of("/proc/net/protocols");
    const std::size_t at = text.find("\n" + std::string(protocol) + " ");
    int size = 0, sockets = -1;
    if (at != std::string::npos) {
        CHECK(sscanf(text.c_str() + at + 1 + strlen(protocol), "%d %d", &size, &sockets) == 2);
    }
    return sockets;
}

void protocols_are_counted() {
    CHECK(counted("TCP") >= 0 && counted("NETLINK") >= 1);
    const int before = counted("UNIX");
    int pairs[32][2];
    for (auto& pair : pairs) {
        CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    }
    // Others on this host make and close theirs meanwhile.
    CHECK(before >= 0 && counted("UNIX") >= before + 32);
    for (auto& pair : pairs) {
        CHECK(close(pair[0]) == 0 && close(pair[1]) == 0);
    }
}

}  // namespace

int main() {
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    CHECK(fd >= 0);
    const sockaddr_nl any{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
    CHECK(bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof(any)) == 0);
    one_is_found(fd, inode_of(pair[0]));
    one_is_not_found(fd);
    for (const size_t room : {size_t{65536}, size_t{16384}}) {
        CHECK(listed(fd, inode_of(pair[0]), inode_of(pair[1]), room) == 2);
    }
    CHECK(text_of("/proc/net/unix").find(std::to_string(inode_of(pair[0]))) != std::string::npos);
    protocols_are_counted();
    return 0;
}
