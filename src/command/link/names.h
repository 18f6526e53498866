// Names of interfaces that the user typed.
#pragma once

#include <string>

#include "base/result.h"
#include "network/link/snapshot.h"

namespace isotach::command {

// Fails with the nearest name where there is no such interface.
[[nodiscard]] Result<void> check_interface_name(const network::LinkSnapshot& snapshot,
                                                const std::string& name);

}  // namespace isotach::command
