#include "memory/ksm/linear_program.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "base/check.h"

namespace isotach::memory {
namespace {

constexpr double kTiny = 1e-9;
constexpr int kPivotLimit = 5000;

// Rows "sum = right side" with right side >= 0; one column a variable, the last the right side.
class Tableau {
 public:
  Tableau(const std::vector<LinearRow>& rows, std::size_t variables) : variables_(variables) {
    // A x + s = high with s >= 0, and A x - t = low with t >= 0; each scaled to numbers about 1.
    slacks_ = 2 * rows.size();
    columns_ = variables + slacks_;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      CHECK(rows[i].factors.size() == variables);
      add_row(rows[i].factors, rows[i].high, variables + 2 * i, 1);
      add_row(rows[i].factors, rows[i].low, variables + 2 * i + 1, -1);
    }
    // One artificial variable a row makes the first basis.
    const std::size_t count = cells_.size();
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<double>& row = cells_[i];
      const double right = row.back();
      row.pop_back();
      row.resize(columns_ + count, 0);
      row[columns_ + i] = 1;
      row.push_back(right);
      basis_.push_back(columns_ + i);
    }
  }

  std::optional<double> minimise(const std::vector<double>& cost) {
    const std::size_t all = columns_ + cells_.size();
    std::vector<double> first(all, 0);
    std::fill(first.begin() + static_cast<std::ptrdiff_t>(columns_), first.end(), 1.0);
    const auto infeasible = run(first, all);
    if (!infeasible || *infeasible > 1e-7) return std::nullopt;
    drive_out_artificial();
    std::vector<double> second(all, 0);
    std::copy(cost.begin(), cost.end(), second.begin());
    return run(second, columns_);
  }

 private:
  void add_row(const std::vector<double>& factors, double right, std::size_t slack, double sign) {
    double scale = std::fabs(right);
    for (const double factor : factors) scale = std::max(scale, std::fabs(factor));
    if (scale <= 0) scale = 1;
    if (right < 0) scale = -scale;
    std::vector<double> row(columns_ + 1, 0);
    for (std::size_t j = 0; j < variables_; ++j) row[j] = factors[j] / scale;
    // The slack may have any scale of its own.
    row[slack] = scale < 0 ? -sign : sign;
    row.back() = right / scale;
    cells_.push_back(std::move(row));
  }

  void pivot(std::size_t row, std::size_t column) {
    std::vector<double>& chosen = cells_[row];
    const double factor = chosen[column];
    for (double& cell : chosen) cell /= factor;
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      if (i == row) continue;
      const double times = cells_[i][column];
      if (std::fabs(times) < 1e-14) continue;
      for (std::size_t j = 0; j < chosen.size(); ++j) cells_[i][j] -= times * chosen[j];
    }
    basis_[row] = column;
  }

  // An artificial variable that is still in the basis, at 0, could grow again.
  void drive_out_artificial() {
    for (std::size_t i = 0; i < cells_.size();) {
      std::size_t column = basis_[i];
      if (column >= columns_) {
        column = 0;
        while (column < columns_ && std::fabs(cells_[i][column]) < kTiny) ++column;
        if (column == columns_) {
          // The other rows say as much.
          cells_.erase(cells_.begin() + static_cast<std::ptrdiff_t>(i));
          basis_.erase(basis_.begin() + static_cast<std::ptrdiff_t>(i));
          continue;
        }
        pivot(i, column);
      }
      ++i;
    }
  }

  // The row that limits the variable of `column` most; among equals the lowest variable (Bland's rule).
  [[nodiscard]] std::optional<std::size_t> leaving_row(std::size_t column) const {
    std::optional<std::size_t> best;
    double smallest = 0;
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const double cell = cells_[i][column];
      if (cell <= kTiny) continue;
      const double ratio = cells_[i].back() / cell;
      const bool better =
          !best || ratio < smallest - 1e-12 || (ratio <= smallest + 1e-12 && basis_[i] < basis_[*best]);
      if (better) {
        best = i;
        smallest = ratio;
      }
    }
    return best;
  }

  // Only variables below `usable` may enter. The value reached, or nothing when there is no end to it.
  std::optional<double> run(const std::vector<double>& cost, std::size_t usable) {
    for (int round = 0; round < kPivotLimit; ++round) {
      std::vector<double> basis_cost(cells_.size());
      for (std::size_t i = 0; i < cells_.size(); ++i) basis_cost[i] = cost[basis_[i]];
      std::optional<std::size_t> entering;
      double steepest = -kTiny;
      for (std::size_t j = 0; j < usable; ++j) {
        double reduced = cost[j];
        for (std::size_t i = 0; i < cells_.size(); ++i) reduced -= basis_cost[i] * cells_[i][j];
        if (reduced >= steepest) continue;
        entering = j;
        // The steepest first; after many rounds the first one, which cannot go in circles.
        if (round > kPivotLimit / 2) break;
        steepest = reduced;
      }
      if (!entering) {
        double value = 0;
        for (std::size_t i = 0; i < cells_.size(); ++i) value += basis_cost[i] * cells_[i].back();
        return value;
      }
      const auto row = leaving_row(*entering);
      if (!row) return std::nullopt;
      pivot(*row, *entering);
    }
    return std::nullopt;
  }

  std::size_t variables_;
  std::size_t slacks_ = 0;
  std::size_t columns_ = 0;  // without the artificial ones
  std::vector<std::vector<double>> cells_;
  std::vector<std::size_t> basis_;
};

}  // namespace

std::optional<double> minimum(const std::vector<double>& cost, const std::vector<LinearRow>& rows) {
  return Tableau(rows, cost.size()).minimise(cost);
}

}  // namespace isotach::memory
