// Where the instrumentation engine is: a folder with the launcher `pin`, the runtime and the tools.
#pragma once

#include <string>

#include "base/result.h"

namespace isotach::command {

// The folder that this program lies in, without the last '/'; empty where the kernel does not tell.
[[nodiscard]] std::string program_folder();

// $ISOTACH_KIT, else kit/ beside this program (a build), else ../lib/isotach/kit (installed). Fails with
// not_supported where there is none, and says where it was looked for.
[[nodiscard]] Result<std::string> find_kit();

}  // namespace isotach::command
