// SPDX-License-Identifier: GPL-2.0
// A stand-in for the stack: stack::call() made on the host kernel, but in another network namespace.
//
// The mirror speaks rtnetlink to the stack, and the stack is Linux; so a namespace of the host's kernel with a
// device called alp0 takes its place, and what the mirror did can be read with ip(8).
#pragma once

namespace alp::test {

/// Sockets that stack::call() makes from now on belong to this namespace (a name under /run/netns).
void use_as_stack(const char* netns);

/// Moves the calling process's host side to a namespace.
void enter_netns(const char* netns);

}  // namespace alp::test
