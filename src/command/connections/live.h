// isotach connections without a file: the machine's own TCP connections, live.
#pragma once

#include "command/context.h"
#include "command/spec.h"

namespace isotach::command {

[[nodiscard]] int run_live_connections(Context& context, const Arguments& arguments);

}  // namespace isotach::command
