// A Grafana dashboard for machines that run `isotach agent`, made from the same descriptions of metrics as
// docs/metrics.md: what is added there is on the next dashboard.
#pragma once

#include <string>

namespace isotach::command {

// JSON that Grafana 9 and later import. A first row of what one looks at first, the doctor's findings among
// them; then a closed row for each family of metrics with a panel for each metric: Grafana asks for the
// panels of a closed row only when it is opened.
[[nodiscard]] std::string grafana_dashboard();

}  // namespace isotach::command
