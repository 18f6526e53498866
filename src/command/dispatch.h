// From the words of the command line to the command that they name.
#pragma once

#include <string>
#include <vector>

#include "command/context.h"
#include "command/spec.h"

namespace isotach::command {

// Whether to colour, when --color said `when` ("auto" unless given).
[[nodiscard]] bool wants_color(const std::string& when, bool terminal);

// Runs the command of `commands` that `words` (all but the program's name) ask for, or prints its
// help; returns the exit code. The first command has no name and is what runs without one.
[[nodiscard]] int dispatch(Context& context, const std::vector<CommandSpec>& commands,
                           std::vector<std::string> words);

}  // namespace isotach::command
