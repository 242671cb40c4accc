// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstddef>

namespace alp {

/// Takes the pages of a mapped file that only the file knows out of this process's page tables: they are read again
/// when they are used. What has been changed in memory, by whomever, stays. Looking through a text has brought all of
/// it in; that counts as the process's memory, and each fork would copy the tables of a text in which one page is
/// changed. Without /proc it does nothing.
void forget_clean_pages(const void* start, std::size_t len_bytes);

/// Has forks copy the page table of a text, in whose first page nothing runs meanwhile. A child of the process then has
/// at hand what is in memory for its parent, 0.1 us a page; else it finds each 16 pages again when it needs one of
/// them, 3 to 6 us.
void have_forks_copy(const void* text, std::size_t len_bytes);

}  // namespace alp
