// A graph in words, for those who cannot see it.
#pragma once

#include <string>

#include "view/graph/graph.h"

namespace isotach::view {

[[nodiscard]] std::string graph_description(const Graph& graph);

}  // namespace isotach::view
