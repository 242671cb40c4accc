// SPDX-License-Identifier: GPL-2.0
// A message for sendmsg(2) that may carry one descriptor (SCM_RIGHTS, unix(7)).
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstring>

namespace alp {

/// Holds the pieces a msghdr points to. Borrows the bytes and the descriptor: both must outlive the call.
class FdMessage {
public:
    /// `fd` negative: none.
    FdMessage(const void* bytes, std::size_t len_bytes, int fd) : data_{const_cast<void*>(bytes), len_bytes} {
        header_.msg_iov = &data_;
        header_.msg_iovlen = 1;
        if (fd >= 0) {
            header_.msg_control = control_.data();
            header_.msg_controllen = control_.size();
            cmsghdr* rights = CMSG_FIRSTHDR(&header_);
            rights->cmsg_level = SOL_SOCKET;
            rights->cmsg_type = SCM_RIGHTS;
            rights->cmsg_len = CMSG_LEN(sizeof(fd));
            std::memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
        }
    }
    FdMessage(const FdMessage&) = delete;
    FdMessage& operator=(const FdMessage&) = delete;

    [[nodiscard]] const msghdr* header() const { return &header_; }

private:
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control_{};
    iovec data_;
    msghdr header_{};
};

}  // namespace alp
