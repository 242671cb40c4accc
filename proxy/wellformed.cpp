// SPDX-License-Identifier: GPL-2.0
#include "proxy/wellformed.h"

#include <fmt/core.h>

#include <cerrno>

namespace alp::proxy {
namespace {

/// The size of a request of this type; 0 for a type that is none.
std::size_t request_size(unsigned type) {
    switch (type) {
        case ALPINE_MSG_ATTACH:
        case ALPINE_MSG_REATTACH:
            return sizeof(alpine_attach);
        case ALPINE_MSG_CLAIM:
            return sizeof(alpine_claim);
        case ALPINE_MSG_RELEASE:
            return sizeof(alpine_release);
        case ALPINE_MSG_LEASE:
            return sizeof(alpine_lease);
        case ALPINE_MSG_ACCEPTING:
            return sizeof(alpine_accepting);
        case ALPINE_MSG_LIST:
            return sizeof(alpine_list);
        case ALPINE_MSG_REFUSALS:
            return sizeof(alpine_refusals);
        case ALPINE_MSG_STATUS:
        case ALPINE_MSG_SETTLED:
        case ALPINE_MSG_FAR_END:
            return sizeof(alpine_msg_header);
        default:
            return 0;
    }
}

}  // namespace

Result<void> check_framing(const Incoming& message) {
    if (message.oversized) {
        return Error{EMSGSIZE, "a message longer than any, or with too many descriptors"};
    }
    const auto header = message.as<alpine_msg_header>();
    if (message.length < sizeof(header) || header.magic != ALPINE_PROXY_MAGIC) {
        return Error{EBADMSG, "not a message of Alpine's protocol"};
    }
    if (header.version != ALPINE_PROXY_VERSION) {
        return Error{EPROTO, fmt::format("alpined speaks protocol version {}, its client {}: restart alpined from the "
                                         "same build as libalpine",
                                         ALPINE_PROXY_VERSION, header.version)};
    }
    if (message.length != header.length || message.length != request_size(header.type)) {
        return Error{EBADMSG, fmt::format("malformed request of type {}, {} bytes", header.type, message.length)};
    }
    return {};
}

}  // namespace alp::proxy
