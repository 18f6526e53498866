// isotach inspect: what a program does to its memory, instruction by instruction.
#pragma once

#include "command/spec.h"

namespace isotach::command {

[[nodiscard]] CommandSpec inspect_command();

}  // namespace isotach::command
