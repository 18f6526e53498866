// Which connections are shown and in which order: -o, --sort and --top.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "command/connections/connections_view.h"
#include "network/connections/tracker.h"

namespace isotach::command {

// "3", "1,4-7", "12-": numbers of connections from 1 on, as pairs of first and last. Usage errors.
struct NumberRange {
  std::size_t first = 1;
  std::size_t last = 0;  // at least `first`
};
[[nodiscard]] Result<std::vector<NumberRange>> parse_number_list(const std::string& text);

// Whether the connection of this index is in the list; all are where it is empty.
[[nodiscard]] bool is_selected(const std::vector<NumberRange>& only, std::size_t index);

[[nodiscard]] const std::vector<std::string>& sort_keys();

// Whether a connection, by index, is shown as far as conditions go.
using Accepts = std::function<bool(std::size_t)>;

// `only` may be empty: all. `accepts` may be empty: all. `sort` is one of sort_keys(); the largest come
// first, but "start" keeps the order in which connections began. `top` 0: all.
[[nodiscard]] Shown select_connections(const network::Tracker& tracker, const std::vector<NumberRange>& only,
                                       const Accepts& accepts, const std::string& sort, std::size_t top);

}  // namespace isotach::command
