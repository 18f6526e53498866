// Descriptors that belong to the engine and its tool, kept apart from the program's.
//
// Thread rules: any thread.
#pragma once

#include <cstdint>

namespace isotach::dbi {

// Between these two, descriptors that are opened get numbers from kFirstPrivateFd up, so that the program's
// own begin where they would without the engine.
void shield_low_fds();
void unshield_low_fds();

bool is_private_fd(int fd);
// Moves a descriptor that the tool has opened to a private number; returns it, or `fd` where there is none
// left.
int make_private_fd(int fd);
// The tool closes it.
void forget_private_fd(int fd);
// Marks all private descriptors close-on-exec.
void protect_private_fds_at_exec();
// At detach: what the tool has left open.
void close_private_fds();
// close_range(2) of the program, leaving private descriptors out. Returns what the system call returns.
int64_t close_range_of_program(uint64_t first, uint64_t last, uint64_t flags);

}  // namespace isotach::dbi
