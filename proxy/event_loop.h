// SPDX-License-Identifier: GPL-2.0
// One thread, one epoll: calls a handler when its descriptor is readable or hung up.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include "base/result.h"
#include "base/unique_fd.h"

namespace alp::proxy {

class EventLoop {
public:
    using Handler = std::function<void()>;

    static Result<EventLoop> make();

    /// `fd` stays the caller's, who removes it before closing it. The handler may remove any descriptor, its own too.
    Result<void> add(int fd, Handler handler);
    void remove(int fd);

    /// Runs until stop() is called from a handler.
    Result<void> run();
    void stop() { running_ = false; }

private:
    explicit EventLoop(UniqueFd epoll) : epoll_(std::move(epoll)) {}
    void dispatch(int fd);

    UniqueFd epoll_;
    // Shared, so that a handler that removes itself outlives its own call.
    std::unordered_map<int, std::shared_ptr<Handler>> handlers_;
    bool running_ = false;
};

}  // namespace alp::proxy
