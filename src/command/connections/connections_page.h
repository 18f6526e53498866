// The page of a capture's connections: a table of all, and of each that is drawn the verdict, its evidence
// and the graphs.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "command/connections/connections_graphs.h"
#include "command/context.h"

namespace isotach::command {

// One HTML document. `drawn` are those of the source that have a section of their own; `notes` say what is to
// be known besides what was damaged.
[[nodiscard]] std::string graph_page(const GraphSource& source, const Shown& drawn,
                                     std::vector<std::string> notes = {});

// The same as a file. Says on standard error what was left out.
[[nodiscard]] Result<void> write_graph_page(Context& context, const GraphSource& source,
                                            const std::string& path);

}  // namespace isotach::command
