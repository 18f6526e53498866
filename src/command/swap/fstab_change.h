// Changing fstab within a transaction: the earlier content is kept beside it, and put back with the rest.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kernel/change/transaction.h"

namespace isotach::command {

// Gives fstab the text that `edit` makes of its present text. Nothing is changed where that is the same.
// The backup is FSTAB.isotach-backup; it stays when the change is kept.
[[nodiscard]] Result<void> change_fstab(kernel::Transaction& transaction, const std::string& what,
                                        const std::function<std::string(std::string_view)>& edit);

}  // namespace isotach::command
