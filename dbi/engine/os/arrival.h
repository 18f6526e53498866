// What the runtime does first with what the launcher left for it.
#pragma once

#include "engine/os/handover.h"

namespace isotach::dbi {

// Takes the address from the runtime's arguments (RUNTIME HANDOVER_ADDRESS), checks that launcher and runtime
// are of the same make, and reaps the launcher's helper where it is a child of this process. Returns null,
// having told why on descriptor 2, when the runtime was not started by a launcher.
Handover* arrive(int argument_count, char** arguments);

}  // namespace isotach::dbi
