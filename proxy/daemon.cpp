// SPDX-License-Identifier: GPL-2.0
#include "proxy/daemon.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "proxy/bound_socket.h"
#include "proxy/listener.h"
#include "proxy/log.h"
#include "proxy/privileged/confine.h"
#include "proxy/privileged/filter.h"
#include "proxy/privileged/link.h"
#include "proxy/privileged/sysctl.h"
#include "proxy/privileged/tun.h"
#include "proxy/service_manager.h"

namespace alp::proxy {
namespace {

constexpr unsigned loopback_ifindex = 1; /* in every network namespace */
// One descriptor per connection, TUN and claim.
constexpr rlim_t wanted_descriptors = 1U << 20;
// Messages of one client in a row before others have their turn.
constexpr int messages_per_turn = 16;
// Steering goes from the host's devices when there was no stack for so long: a forwarded packet pays for it. A program
// that is run again and again does not pay for its coming and going.
constexpr unsigned idle_audits_until_end = 10;
// How long a port that a client gave back behind our back may still be steered.
constexpr itimerspec audit_period = {{1, 0}, {1, 0}}; /* s, ns */

void raise_descriptor_limit() {
    rlimit limit{wanted_descriptors, wanted_descriptors};
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    log(LogLevel::debug, "at most {} descriptors: that many sockets of all stacks together", limit.rlim_max);
}

Result<Policy> load_policy(const std::string& file) { return file.empty() ? Policy() : Policy::load(file); }

}  // namespace

Result<std::unique_ptr<Daemon>> Daemon::start(const Options& options) {
    auto policy = load_policy(options.policy_file);
    if (!policy) {
        return policy.error();
    }
    if (geteuid() != 0) {
        return Error{EPERM, "alpined makes devices and loads eBPF: start it as root, 'sudo alpined'"};
    }
    if (auto tun = options.steer ? check_tun_available() : Result<void>(); !tun) {
        return tun.error();
    }
    auto loop = EventLoop::make();
    auto host = HostMonitor::make();
    if (!loop || !host) {
        return loop ? host.error() : loop.error();
    }
    std::unique_ptr<Daemon> daemon(
        new Daemon(std::move(loop).value(), std::move(host).value(), std::move(policy).value()));
    if (auto prepared = daemon->prepare(options); !prepared) {
        return prepared.error();
    }
    return daemon;
}

// The listener comes first: whoever has it is alone with this network namespace's devices.
Result<void> Daemon::prepare(const Options& options) {
    if (auto taken = take_listener(options); !taken) {
        return taken;
    }
    policy_file_ = options.policy_file;
    raise_descriptor_limit();
    const auto own_netns = netns_cookie(listener_.get());
    if (!own_netns) {
        return own_netns.error();
    }
    if (auto wires = prepare_wires(options); !wires) {
        return wires;
    }
    service_ = std::make_unique<Service>(*wires_, host_, policy_, own_netns.value());
    if (steering_ != nullptr && (service_->has_lasting_stacks() || steering_->host_count() != 0)) {
        if (auto begun = begin_steering(); !begun) {
            return begun;
        }
    }
    wires_->before_tun([this] { return begin_steering(); });
    reconcile();
    if (auto caught = catch_signals(); !caught) {
        return caught;
    }
    return start_audit();
}

Result<void> Daemon::prepare_wires(const Options& options) {
    if (options.steer) {
        if (auto prepared = prepare_steering(); !prepared) {
            return prepared;
        }
    } else if (Steering::is_left_behind()) {
        return Error{EBUSY,
                     "an alpined with the steer wire has left its steering here: offer that wire, too, or take it "
                     "away, with the stacks that still use it, by 'alpined --uninstall'"};
    }
    if (options.classic) {
        classic_ = std::make_unique<classic::Wire>(loop_, host_);
    }
    // Beside the other wire it is looked at when a stack wants it.
    if (auto usable = options.steer ? Result<void>() : classic_->check(); !usable) {
        return usable;
    }
    wires_ = std::make_unique<Wires>(steering_.get(), classic_.get(), options.preferred);
    // What the alpined before knew, and what has changed since, is told apart by reconcile().
    addresses_ = steering_ != nullptr ? steering_->addresses() : std::map<in6_addr, alpine_address_use, AddressLess>();
    for (const auto& [address, use] : addresses_) {
        if (auto known = wires_->add_address(address, use); !known) {
            return known;
        }
    }
    return {};
}

Result<void> Daemon::prepare_steering() {
    auto steering = Steering::load();
    if (!steering) {
        return steering.error();
    }
    steering_ = std::move(steering).value();
    return {};
}

Result<void> Daemon::begin_steering() {
    idle_audits_ = 0;
    if (steers_) {
        return {};
    }
    if (auto relaxed = relax_reverse_path_filter(*steering_); !relaxed) {
        return relaxed;
    }
    steers_ = true;
    reconcile_devices();
    return {};
}

void Daemon::end_steering_if_idle() {
    if (!steers_ || service_->has_lasting_stacks()) {
        idle_audits_ = 0;
    } else if (++idle_audits_ >= idle_audits_until_end) {
        withdraw();
    }
}

Result<void> Daemon::take_listener(const Options& options) {
    auto listener = passed_listener();
    if (listener && !listener.value().valid()) {
        listener = listen_at(options.socket);
        owns_socket_ = listener.ok();
    }
    if (!listener) {
        return listener.error();
    }
    listener_ = std::move(listener).value();
    socket_ = options.socket;
    return {};
}

void Daemon::take_signal() {
    signalfd_siginfo signal{};
    if (read(signals_.get(), &signal, sizeof(signal)) != sizeof(signal)) {
        return;
    }
    if (signal.ssi_signo == SIGHUP) {
        reload_policy();
    } else {
        loop_.stop();
    }
}

// Stacks and claims that the new policy would refuse stay as they are.
void Daemon::reload_policy() {
    auto policy = load_policy(policy_file_);
    if (!policy) {
        log(LogLevel::error, "the policy stays as it is: {}", policy.error().message());
        return;
    }
    policy_ = std::move(policy).value();
    log(LogLevel::info, "the policy has been read again");
}

Result<void> Daemon::catch_signals() {
    sigset_t caught;
    sigemptyset(&caught);
    sigaddset(&caught, SIGTERM);
    sigaddset(&caught, SIGINT);
    sigaddset(&caught, SIGHUP);
    sigprocmask(SIG_BLOCK, &caught, nullptr);
    signals_ = UniqueFd(signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_.valid()) {
        return Error{errno, "signalfd"};
    }
    return loop_.add(signals_.get(), [this] { take_signal(); });
}

Result<void> Daemon::start_audit() {
    audit_timer_ = UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!audit_timer_.valid() || timerfd_settime(audit_timer_.get(), 0, &audit_period, nullptr) != 0) {
        return Error{errno, "timerfd"};
    }
    return loop_.add(audit_timer_.get(), [this] {
        std::uint64_t expirations = 0;
        (void)!read(audit_timer_.get(), &expirations, sizeof(expirations));
        service_->audit();
        end_steering_if_idle();
        report_left_out();
    });
}

// A restart must not be felt by any stack, and SIGTERM does not tell a restart from an end.
Daemon::~Daemon() {
    if (service_ && service_->has_lasting_stacks()) {
        log(LogLevel::info, "stacks go on without alpined: start it again soon, or end all with alpined --uninstall");
        service_->leave_stacks();
    } else if (steering_) {
        withdraw();
    }
    if (owns_socket_ && socket_.front() != '@') {
        unlink(socket_.c_str());
    }
}

// The settings first: steering refuses what the host does not while they are changed.
void Daemon::withdraw() {
    restore_settings(*steering_);
    steering_->detach_all();
    devices_.clear();
    steers_ = false;
}

/// Of an alpined whose notes cannot be read.
void Daemon::remove_unknown_tuns() {
    for (const auto& [ifindex, link] : host_.links()) {
        if (link.kind == "tun" && is_tun_name(link.ifname) && program_on(ifindex).valid()) {
            delete_link(ifindex);
        }
    }
}

Result<void> Daemon::uninstall(const Options& options) {
    Options bare = options;
    bare.policy_file.clear();
    auto daemon = start(bare);
    if (!daemon) {
        return daemon.error();
    }
    daemon.value()->service_->end_survivors();
    daemon.value()->remove_unknown_tuns();
    return {};  // the destructor finds no stacks
}

Result<void> Daemon::run() {
    if (auto added = loop_.add(listener_.get(), [this] { accept_clients(); }); !added) {
        return added;
    }
    if (auto added = loop_.add(host_.fd(), [this] { update_host(); }); !added) {
        return added;
    }
    if (auto confined = confine(); !confined) {
        return confined;
    }
    notify_ready();
    log(LogLevel::info, "alpined serves at {}: {} devices, {} addresses", socket_, host_.links().size(),
        host_.addresses().size());
    return loop_.run();
}

void Daemon::accept_clients() {
    for (;;) {
        UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!connection.valid()) {
            if (errno != EAGAIN && errno != ECONNABORTED) {
                log(LogLevel::warning, "accept: {}", strerrordesc_np(errno));
            }
            return;
        }
        ucred peer{};
        socklen_t length = sizeof(peer);
        if (getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
            continue;
        }
        ask_for_senders(connection.get());
        Session& session = service_->open(std::move(connection), peer);
        if (auto added = loop_.add(session.connection.get(), [this, &session] { serve(session); }); !added) {
            service_->close(session);
        }
    }
}

void Daemon::serve(Session& session) {
    for (int i = 0; i < messages_per_turn; ++i) {
        auto message = receive(session.connection.get());
        if (!message && (message.error().code == EAGAIN || message.error().code == EINTR)) {
            return;
        }
        if (!message || !service_->serve(session, std::move(message).value())) {
            disconnect(session);
            return;
        }
    }
}

void Daemon::disconnect(Session& session) {
    loop_.remove(session.connection.get());
    service_->close(session);
}

void Daemon::update_host() {
    if (auto updated = host_.update(); !updated) {
        log(LogLevel::error, "{}", updated.error().message());
        return;
    }
    reconcile();
}

void Daemon::reconcile() {
    reconcile_devices();
    reconcile_addresses();
    service_->bury_dead();
}

// Neither the TUNs of our stacks nor those of stacks that outlive the alpined before us.
bool Daemon::is_steered_device(unsigned ifindex, const Link& link) const {
    return !service_->owns_device(ifindex) && !(link.kind == "tun" && is_tun_name(link.ifname));
}

// Steering refuses the host's own addresses before the host itself no longer does.
Result<void> Daemon::attach(unsigned ifindex, const Link& link) {
    const bool refuse_own = ifindex != loopback_ifindex && refuses_own_addresses(*steering_, link.ifname);
    if (auto attached = steering_->attach_host(ifindex, refuse_own); !attached) {
        return attached;
    }
    return refuse_own ? accept_local(*steering_, link.ifname) : Result<void>();
}

void Daemon::reconcile_devices() {
    if (!steers_) {
        return;
    }
    std::erase_if(devices_, [this](unsigned ifindex) {
        const bool gone = !host_.links().contains(ifindex);
        if (gone) {
            steering_->forget_host(ifindex);
        }
        return gone;
    });
    for (const auto& [ifindex, link] : host_.links()) {
        if (!is_steered_device(ifindex, link) || !devices_.insert(ifindex).second) {
            continue;
        }
        if (auto attached = attach(ifindex, link); !attached) {
            log(LogLevel::error, "{}: {}", link.ifname, attached.error().message());
        }
    }
}

void Daemon::reconcile_addresses() {
    auto now = host_.address_uses();
    for (const auto& [address, use] : addresses_) {
        if (!now.contains(address)) {
            wires_->remove_address(address);
        }
    }
    for (const auto& [address, use] : now) {
        const auto known = addresses_.find(address);
        if (known != addresses_.end() && known->second.ifindex == use.ifindex &&
            known->second.broadcast == use.broadcast) {
            continue;
        }
        if (auto add = wires_->add_address(address, use); !add) {
            log(LogLevel::error, "{}", add.error().message());
        }
    }
    addresses_ = std::move(now);
}

}  // namespace alp::proxy
