// Small linear programs: minimise cost * x where every row of A satisfies low <= A x <= high and x >= 0.
// The simplex method in two phases on a dense table, for some dozens of rows and variables. Pure.
#pragma once

#include <optional>
#include <vector>

namespace isotach::memory {

struct LinearRow {
  std::vector<double> factors;  // one for each variable
  double low = 0;
  double high = 0;  // >= low
};

// The smallest value of cost * x; nothing when no x satisfies the rows, or when no smallest exists.
[[nodiscard]] std::optional<double> minimum(const std::vector<double>& cost,
                                            const std::vector<LinearRow>& rows);

}  // namespace isotach::memory
