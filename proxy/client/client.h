// SPDX-License-Identifier: GPL-2.0
// alpined from its client's side: used by the preloaded library and by the alp command.
//
// One Client is one connection; all that alpined holds for it goes when the connection closes. Any thread may make
// requests at any time: they take turns under a futex lock, with the thread's signals held back for that while
// (some 100 us), so that a signal handler can make requests too. Only raw system calls are used, so nothing here
// can meet a symbol that Alpine interposes. Nothing throws.
//
// When alpined goes away the connection breaks, and every request fails; unless a Reattachment (reattachment.h) brings
// a new connection: then requests wait for it, up to kPatience; a release, or word of accepting, is remembered and
// needs no alpined.
//
// Processes that share a stack (stack/host/family.h) share its connection: each has a copy of the descriptor and a
// Client, and all Clients one ClientShared. So the connection ends when the last of the processes does.
//
// Every error's message() is one line that names the remedy where there is one.
#pragma once

#include <netinet/in.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "abi/proxy.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/client/claim_registry.h"
#include "proxy/client/lock.h"

namespace alp::proxy {

/// What ATTACH gives: the wire of the stack.
struct Attachment {
    UniqueFd tun;  ///< one packet behind a virtio_net_hdr of 10 bytes each way: a TUN queue, or on the classic wire a
                   ///< socket; non-blocking, close-on-exec, a high number
    UniqueFd far_end;  ///< classic wire: alpined's end of it, to be kept for the alpined after this one
    unsigned ifindex = 0;
    unsigned mtu_bytes = 0;
    std::string ifname;
};

/// One steered endpoint; give it back to release().
struct Claim {
    std::uint8_t protocol = 0;  ///< IPPROTO_*
    in6_addr address{};         ///< v4-mapped for IPv4; wildcards are :: and ::ffff:0.0.0.0
    std::uint16_t port = 0;     ///< host byte order
    bool dual_stack = false;    ///< address is ::, and the IPv4 wildcard is claimed with it
};

/// How long a claim waits for an alpined that is being restarted, before it fails with ENETDOWN.
inline constexpr int kPatienceMs = 3000;

/// ALPINE_SOCKET, or "@alpined".
[[nodiscard]] std::string default_address();

struct RawReply;

/// What all Clients of one connection have in common. Zeroed memory is a new one.
struct ClientShared {
    SharedLock lock;
    std::uint32_t sequence;
    std::atomic<std::uint32_t> announced;  ///< connections, since the first; a futex
    ClaimRegistry registry;
    char comm[16];  ///< of the program that made the connection
};

/// A connection that was made by another process, or before exec: its descriptors, under this process's numbers.
struct Inherited {
    int connection;
    int handover_receive;
    int handover_send;
};

class Client {
public:
    Client() : shared_(&own_) {}

    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// Connects, and checks that whoever listens there is root or the caller's own user. Close-on-exec, moved to a
    /// high descriptor number, so that the program's own descriptors keep the numbers it expects.
    /// Errors: ECONNREFUSED or ENOENT no alpined there, EPERM somebody else listens, EISCONN connected already.
    Result<void> connect(std::string_view address);

    /// From now on keeps what all processes of a family need in common in memory that they all have; `shared` is zeroed
    /// but for the memory of its registry. On one thread, before any claim.
    void share(ClientShared& shared);

    /// Instead of connect(), with what share() was given by the first process: goes on with a connection that is there.
    /// Takes the descriptors over.
    void adopt(std::string_view address, const Inherited& inherited, ClientShared& shared);

    /// Gets this process its wire. Errors: EPERM refused by policy, EALREADY, EOPNOTSUPP no such wire offered, and what
    /// making one answers.
    Result<Attachment> attach(alpine_wire wire = ALPINE_WIRE_ANY);

    /// Steers to this process what the bound host socket `socket` has: its protocol, address and port. alpined keeps
    /// a duplicate, so the port stays taken on the host until release(), even when `socket` is closed.
    /// Errors: see struct alpine_claim in abi/proxy.h; ENETDOWN alpined has been away for kPatienceMs.
    Result<Claim> claim(int socket);

    /// The same for what no host socket can stand for: transports the host lacks (SCTP, DCCP; port 0: alpined picks
    /// one), the id of an echo request, a protocol without ports.
    Result<Claim> claim_explicit(std::uint8_t protocol, const in6_addr& address, std::uint16_t port, bool dual_stack);

    /// Leases up to `count` ephemeral ports of TCP or UDP on the wildcard address: claims, each to be given back by
    /// release(). At least one. Errors: see struct alpine_lease in abi/proxy.h.
    Result<std::vector<Claim>> lease(std::uint8_t protocol, unsigned count);

    /// Says that on this claim new connections are taken, or not any more: see ACCEPTING in abi/proxy.h.
    Result<void> set_accepting(const Claim& claim, bool accepts);

    /// Takes back one claim: claims are counted, each claim() wants its release(). Once it returns, the host's port
    /// is free again. Errors: ENOENT.
    Result<void> release(const Claim& claim);

    /// All stacks that this user may see, by ifindex. Needs no attach().
    Result<std::vector<alpine_list_reply>> list();

    /// What was refused to the processes that this user may see, by process and error. Needs no attach().
    Result<std::vector<alpine_refusals_reply>> refusals();

    /// How alpined is. Needs no attach().
    Result<alpine_status_reply> status();

    /// The connection, -1 if there is none: for hiding it from the program. Async-signal-safe. It keeps its number when
    /// alpined is restarted.
    [[nodiscard]] int fd() const { return fd_.load(std::memory_order_relaxed); }

    /// The other descriptors there are for a Reattachment, to be hidden, too; -1 without.
    [[nodiscard]] int handover_receive_fd() const { return handover_receive_.get(); }
    [[nodiscard]] int handover_send_fd() const { return handover_send_.get(); }

private:
    friend class Reattachment;

    template <typename R>
    Result<R> ask(alpine_msg_header& request, std::size_t length, int send_fd, UniqueFd* received_fd);
    /// All records of a list that is asked for one by one: `go_on` makes `request` ask for what follows a record.
    template <typename R, typename Request>
    Result<std::vector<R>> ask_for_all(Request request, void (*go_on)(Request& request, const R& last));
    Result<Claim> ask_claim(alpine_claim& request, int socket);
    Result<void> exchange(alpine_msg_header& request, std::size_t length, int send_fd, RawReply& reply);
    Result<void> exchange_once(alpine_msg_header& request, std::size_t length, int send_fd, RawReply& reply);
    Result<void> send(const alpine_msg_header& request, std::size_t length, int send_fd) const;
    Result<void> receive(RawReply& reply) const;
    void note(const alpine_msg_header& request, int send_fd, const RawReply& reply);
    bool note_change(const alpine_msg_header& request);
    bool drop_while_away(const alpine_msg_header& request);
    /// A socket pair for connections made by the thread that reattaches.
    Result<void> prepare_handover();
    /// On that thread, lock held: there is one to take.
    void announce_connection();
    /// On a thread of the program, lock held: takes it, if there is one.
    void take_connection();
    /// False: none came in time.
    bool wait_for_connection(std::uint32_t seen, long deadline_ms);

    ClientShared own_{};  // unless others share
    ClientShared* shared_;
    UniqueFd connection_;
    std::atomic<int> fd_{-1};
    std::string address_;
    UniqueFd handover_receive_;
    UniqueFd handover_send_;
    std::uint32_t taken_ = 0;  // of shared_.announced
};

/// Moves a descriptor that Alpine needs for itself out of the program's way: to a high number, close-on-exec. Keeps
/// it where it is if there is no room.
[[nodiscard]] UniqueFd move_high(UniqueFd fd);

}  // namespace alp::proxy
