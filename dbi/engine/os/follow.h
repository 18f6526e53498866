// Following a program into the programs that it executes.
//
// execve(2) is made to execute the launcher, which is handed over the program's own words and environment as
// they are and, by a file in memory, what to do with them; it then becomes the new program under the engine,
// as at the first start (launcher/start.h). Where the engine cannot follow, the program's call is made as it
// is: set-user-ID programs, those for other architectures, calls that fail, a process that a debugger traces,
// one that has taken rights away from itself by seccomp(2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/os/handover.h"

namespace isotach::dbi {

// argv[0] of a launcher that follows: this, and the number of the descriptor of a FollowRequest. The
// program's own words come behind it.
inline constexpr const char kFollowWord[] = "isotach-pin-follow:";

// What the file in memory begins with. Behind it, each ended by a zero: the path, then the words for the
// engine and the tool.
struct FollowRequest {
  uint64_t magic;
  uint32_t size;  // of all
  uint32_t word_count;
  int32_t directory;       // as given to execveat(2), or AT_FDCWD
  int32_t flags;           // likewise
  int32_t directory_copy;  // where not -1: `directory` (or the descriptor that the path
                           // names by /proc/self/fd) is closed on exec, and this is a copy of it
  uint32_t is_execveat;
  int32_t own_file;  // where not -1: the path is that of the program itself in /proc, by which the launcher
                     // would find itself; this is the file
};

inline constexpr uint64_t kFollowMagic = 0x31776f6c6c6f6649;  // "Ifollow1"

// Copies from the handover what follow_exec() needs. Once, before the program runs.
void prepare_to_follow(const Handover& handover);

// Words for the engine and the tool in programs that are executed from now on; null: those of this program.
void set_follow_words(const std::vector<std::string>* words);

// Makes the program's execve(2), or execveat(2), and does not return when that succeeds; else returns what
// the program's call is to return. The words may lie anywhere in the program's memory, readable or not. To be
// called with the signal mask and dispositions that the new program shall have. In a child of vfork(2)
// nothing of the shared memory is changed but the calling stack.
int64_t follow_exec(int32_t directory, uint64_t path, uint64_t words, uint64_t environment, int32_t flags,
                    bool is_execveat);

}  // namespace isotach::dbi
