// Finds the parts that the launcher needs, and says what is wrong with them.
#pragma once

#include <string>

#include "launcher/private_program.h"

namespace isotach::dbi {

// A message and the exit code that goes with it; empty: all is well.
struct Problem {
  std::string text;
  int exit_code = 0;
  explicit operator bool() const { return !text.empty(); }
};

// The kit is the folder of this program.
Problem find_kit(Kit& kit);

// Whether `path` can be loaded as a tool; makes it absolute. The tools of the kit are found by their names:
// "inscount0".
Problem check_tool(std::string& path, const std::string& kit_folder);

// Finds a command as a shell does: in PATH when its name has no slash. Says in shell's words and codes what
// is wrong with it.
Problem find_command(const std::string& name, std::string& path);

// Why ptrace(2) of `process` may have been refused with `error`, and what to type.
Problem explain_refusal(int process, int error, const std::string& what);

}  // namespace isotach::dbi
