// Taking over a running process, and letting it go again.
#pragma once

#include "launcher/kit.h"
#include "launcher/options.h"

namespace isotach::dbi {

// Puts the runtime into the process and all of its threads under it. With options.detach_after_ns it stays,
// and lets the process go when the time is over or a signal asks for it. Returns the exit code, having told
// what went wrong.
int attach(const Kit& kit, const Options& options);

}  // namespace isotach::dbi
