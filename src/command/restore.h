// Putting back, at the start of any command, what one that was killed has left changed.
#pragma once

#include "command/context.h"

namespace isotach::command {

// Says on err what was put back and what could not be; false when something could not. Costs one system
// call where nothing is waiting.
bool recover_and_tell(Context& context);

}  // namespace isotach::command
