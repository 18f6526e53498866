// Becoming a program that runs under the engine. The launcher itself executes the program, so that its
// process number, parent, group and exit code are the genuine ones; a helper, which is no child of the
// program by the time it runs, waits for the execve(2), puts the runtime in, and leaves.
#pragma once

#include <string>
#include <vector>

#include "launcher/kit.h"

namespace isotach::dbi {

// Makes the helper. When it returns nothing, the next successful execve(2) of this process puts it under the
// engine; until then all that this process does is as before.
// `name`, where not empty, is what the program is to know as its file's name (AT_EXECFN, and the last part
// for /proc/PID/comm), although the execve(2) is given another.
Problem arm_helper(const Kit& kit, const std::vector<std::string>& arguments, const std::string& name = {});

// Never returns unless the command cannot be executed; then returns the exit code, having told why.
int start_command(const Kit& kit, const std::vector<std::string>& arguments, const std::string& path,
                  const std::vector<std::string>& command);

void tell(const std::string& text);  // "pin: TEXT" on descriptor 2

}  // namespace isotach::dbi
