// SPDX-License-Identifier: GPL-2.0
// The TUN device of one stack.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace alp::proxy {

/// Which device a queue belongs to.
struct TunIdentity {
    unsigned ifindex = 0;
    std::string ifname;
};

/// What a client sent as its TUN queue: is it one, of a device in this network namespace? Never waits, whatever `file`
/// is. Errors: EBADF no TUN queue, or one whose device is gone; EXDEV of another network namespace.
Result<TunIdentity> identify_tun(int file);

/// A device in this network namespace and its only queue. Goes away with the object, whoever else holds the queue.
class Tun {
public:
    /// Makes alpN: IP packets without a further header but virtio_net_hdr (10 bytes), offloads for
    /// checksums and segmentation, sysctls set; still down, so that steering can be attached first.
    static Result<Tun> make();

    /// A device that an alpined before this one has made. `queue` may be empty.
    static Tun adopt(UniqueFd queue, const TunIdentity& identity);

    Tun(Tun&& other) noexcept;
    Tun& operator=(Tun&& other) = delete;
    ~Tun();

    /// From now on the device is the queue's other holder's alone: it lives as long as he does.
    void leave() { ifindex_ = 0; }

    Result<void> bring_up();

    /// Non-blocking; sent to the client.
    [[nodiscard]] int queue() const { return queue_.get(); }
    [[nodiscard]] unsigned ifindex() const { return ifindex_; }
    [[nodiscard]] const std::string& ifname() const { return ifname_; }

private:
    Tun(UniqueFd queue, std::string ifname) : queue_(std::move(queue)), ifname_(std::move(ifname)) {}

    UniqueFd queue_;
    std::string ifname_;
    unsigned ifindex_ = 0;
};

/// Is this a device of Tun's making (perhaps by an alpined before this one)?
[[nodiscard]] bool is_tun_name(const std::string& ifname);

/// Can TUN devices be made here at all? The error names the remedy.
Result<void> check_tun_available();

}  // namespace alp::proxy
