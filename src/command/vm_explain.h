// isotach vm --explain COLUMN.
#pragma once

#include <string>

#include "command/common_options.h"
#include "command/context.h"

namespace isotach::command {

// Returns the exit code: usage where no column is called that.
int explain_vm_column(Context& context, const std::string& word, Format format);

}  // namespace isotach::command
