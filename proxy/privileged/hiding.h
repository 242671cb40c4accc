// SPDX-License-Identifier: GPL-2.0
// Keeps packets of the classic wire from the host's own stack, which would answer them with a reset: an nftables table
// `alpine` with sets of what is claimed, dropped in the input hook. libpcap has seen the packets by then.
#pragma once

#include <memory>
#include <string>

#include "abi/steering.h"
#include "base/result.h"

struct nft_ctx;

namespace alp::proxy {

class Hiding {
public:
    /// Removes what an alpined that died may have left. Not an error if there is nothing.
    static void clear();

    /// Makes the table. It belongs to this process: nobody else changes it, and the kernel deletes it when the process
    /// ends, in whatever way (Linux 5.12; before that it would stay until clear()). Errors name the remedy.
    static Result<std::unique_ptr<Hiding>> make();

    Hiding(const Hiding&) = delete;
    Hiding& operator=(const Hiding&) = delete;
    /// Deletes the table.
    ~Hiding();

    /// Hides what is sent to this endpoint. ICMP is left alone: the host answers it, or ignores what it did not ask
    /// for.
    Result<void> hide(const alpine_flow_key& key);
    void show(const alpine_flow_key& key);

private:
    using Context = std::unique_ptr<nft_ctx, void (*)(nft_ctx*)>;

    explicit Hiding(Context context) : context_(std::move(context)) {}
    static Result<void> run(const Context& context, const std::string& commands);

    Context context_;
};

}  // namespace alp::proxy
