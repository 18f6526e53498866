// The launcher in the place of a program that is executed by one under the engine.
#pragma once

namespace isotach::dbi {

// Whether this process was started by follow_exec() of engine/os/follow.h.
bool is_follow(char** words);

// Becomes the program, under the engine where that is possible and natively where it is not; returns the exit
// code when there is no such program any more.
int follow(char** words);

}  // namespace isotach::dbi
