// SPDX-License-Identifier: GPL-2.0
// How a process outlives its alpined.
//
// Theory of operation
//
// A stack needs alpined for new ports only: its packets pass without it. So when the connection breaks, nothing happens
// to the program, and a thread of Alpine's own calls until an alpined answers, hands over the TUN queue (REATTACH),
// names all claims again with the sockets that they were made with, as far as those are still there, and says SETTLED.
// That must happen also in a program that asks for nothing: alpined takes no stack away that is not back, but holds its
// ports only as well as it can.
//
// That thread has a descriptor table of its own (stack/host/own_table.h), so that it costs the program's calls nothing.
// Therefore the new connection, which the program's threads need in their table, is sent to them through a socket pair:
// whichever of them finds the old connection dead takes it out and puts it in the old one's place.
//
// On the classic wire an alpined that comes anew knows nothing of the claims, and each is proved as if for the first
// time: with a socket that is bound here, where the program has none that is, and with a listening one when it does not
// listen for a moment, which also resets whoever the host's stack has let in while alpined was away.
//
// The client's lock is held meanwhile: a claim or release of the program waits until all is named.
#pragma once

#include "base/unique_fd.h"
#include "proxy/client/client.h"

namespace alp::proxy {

class Reattachment {
public:
    /// What a thread with a descriptor table of its own needs of the process's.
    struct Process {
        UniqueFd (*borrow)(int fd);                        ///< a copy of a descriptor; not valid: there is none
        void (*say)(const char* line, unsigned long len);  ///< to standard error
    };

    /// `client` is connected and attached; `proof` is what REATTACH shows: the TUN queue, or the far end of a line of
    /// the classic wire. They and this outlive the thread. The descriptors stay the client's and the caller's. Errors:
    /// those of socketpair(2).
    static Result<Reattachment> prepare(Client& client, int proof, const Process& process);

    /// What the thread needs in its descriptor table.
    struct Descriptors {
        int connection;
        int proof;
        int send;
        int receive;
    };
    [[nodiscard]] Descriptors descriptors() const;

    /// To be polled for hang-up (no events asked for); -1 while there is no alpined.
    [[nodiscard]] int fd() const { return connection_; }

    /// How long to wait before step() at most; -1: until fd() hangs up.
    [[nodiscard]] int timeout_ms() const;

    /// Looks whether alpined is there, and calls for it if not. Only on the one thread, all signals blocked. Touches no
    /// heap.
    void step();

private:
    Reattachment(Client& client, int proof, const Process& process)
        : client_(client), connection_(client.connection_.get()), proof_(proof), process_(process) {}

    enum class Outcome { done, later, never };
    [[nodiscard]] bool is_lost() const;
    void complain(const char* what, const char* reason) const;
    Outcome call();
    Outcome reattach(int connection);
    Outcome claim_again(int connection, RegisteredClaim& claim);
    Outcome say_accepting(int connection, const RegisteredClaim& claim);
    Outcome claim_with(int connection, const RegisteredClaim& claim, int socket, int& error);
    Outcome prove_anew(int connection, const RegisteredClaim& claim, int socket, int& error);
    Outcome settle(int connection);
    Outcome ask(int connection, alpine_msg_header& request, std::size_t length, int fd, alpine_reply& reply);
    bool hand_over(int connection);

    Client& client_;
    int connection_;
    int proof_;
    Process process_;
    long lost_at_ms_ = 0;
    bool given_up_ = false;
    unsigned lost_claims_ = 0;
};

}  // namespace alp::proxy
