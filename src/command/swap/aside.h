// A swap file that makes room under its name: it is put aside, comes back when the change is put back, and is
// removed once the change is kept.
#pragma once

#include <string>

#include "base/result.h"
#include "kernel/change/transaction.h"

namespace isotach::command {

// `mark` goes into the other name: "/swapfile.isotach-MARK-4711". `what` says the change to people.
[[nodiscard]] Result<void> put_aside(kernel::Transaction& transaction, const std::string& path,
                                     const std::string& mark, std::string what);

}  // namespace isotach::command
