// The script that draws the graphs of a page and lets them be zoomed. It loads nothing.
#pragma once

#include <string_view>

namespace isotach::view {

[[nodiscard]] std::string_view graph_script();

}  // namespace isotach::view
