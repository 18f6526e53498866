// What execve(2) would make of a file, found out before it is asked: whether it can be run at all, and
// whether the engine can follow into it.
//
// Thread rules: pure functions of the file system; they allocate nothing, so that they may run anywhere.
#pragma once

#include <cstddef>

namespace isotach::dbi {

enum class ProgramKind {
  ours,        // a program for x86-64, or a script whose interpreter is one
  foreign,     // runs, if at all, without the engine: for another architecture, or by binfmt_misc
  privileged,  // set-user-ID, set-group-ID or with file capabilities: the kernel lets nobody trace it
  unusable,    // `error` says what execve(2) fails with
};

struct ProgramFile {
  ProgramKind kind = ProgramKind::unusable;
  int error = 0;
};

// As execveat(directory, path, ..., flags) would find it: AT_FDCWD, AT_EMPTY_PATH and AT_SYMLINK_NOFOLLOW as
// there. `directory_lost` tells that the descriptor `directory` is closed on exec, by which a script that is
// run through it is lost.
ProgramFile look_at_program(int directory, const char* path, int flags, bool directory_lost = false);

}  // namespace isotach::dbi
