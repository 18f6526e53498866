// Saves the files that vm reads, as numbered trees that --proc-root reads back.
#pragma once

#include <cstdint>
#include <string>

#include "command/context.h"

namespace isotach::command {

// `count` trees DIR/0, DIR/1, ..., one each `delay_ns`. Returns the exit code.
int save_vm_trees(Context& context, const std::string& folder, std::int64_t delay_ns, std::uint64_t count);

}  // namespace isotach::command
