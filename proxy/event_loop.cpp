// SPDX-License-Identifier: GPL-2.0
#include "proxy/event_loop.h"

#include <sys/epoll.h>

#include <array>
#include <cerrno>

namespace alp::proxy {

Result<EventLoop> EventLoop::make() {
    UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll.valid()) {
        return Error{errno, "epoll_create1"};
    }
    return EventLoop(std::move(epoll));
}

Result<void> EventLoop::add(int fd, Handler handler) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        return Error{errno, "epoll_ctl"};
    }
    handlers_[fd] = std::make_shared<Handler>(std::move(handler));
    return {};
}

void EventLoop::remove(int fd) {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    handlers_.erase(fd);
}

void EventLoop::dispatch(int fd) {
    const auto found = handlers_.find(fd);
    if (found == handlers_.end()) {
        return;  // removed by a handler earlier in this batch
    }
    const auto handler = found->second;
    (*handler)();
}

Result<void> EventLoop::run() {
    std::array<epoll_event, 64> events{};
    running_ = true;
    while (running_) {
        const int count = epoll_wait(epoll_.get(), events.data(), events.size(), -1);
        if (count < 0 && errno != EINTR) {
            return Error{errno, "epoll_wait"};
        }
        for (int i = 0; i < count && running_; ++i) {
            dispatch(events[static_cast<std::size_t>(i)].data.fd);
        }
    }
    return {};
}

}  // namespace alp::proxy
