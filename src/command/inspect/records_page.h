// What isotach web shows of the records that isotach inspect -o kept. The file may be anyone's, and the
// server has others to serve: what is read of it, and held in memory meanwhile, has bounds.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace isotach::command {

// The command whose records these are; nothing where the file holds no such records.
[[nodiscard]] std::optional<std::string> records_title(const std::string& path);

// The page of isotach inspect --report. Where not all of it was read, the page says so.
[[nodiscard]] Result<std::string> records_page(const std::string& path);

}  // namespace isotach::command
