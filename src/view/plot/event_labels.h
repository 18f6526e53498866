// Where the labels of events go, so that no two overlap.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace isotach::view {

struct EventLabel {
  double position = 0;  // of the event's line
  double width = 0;     // of its text
};

struct LabelPlace {
  double left = 0;
  int row = 0;  // 0 is the lowest, nearest to the plot
};

// A place for each label, in the order given (by position), in at most `rows` rows from `low` to
// `high`; nothing for a label that finds none. A label stands to the right of its line, or to the left
// where it would leave the picture. Labels of a row keep `gap` apart.
[[nodiscard]] std::vector<std::optional<LabelPlace>> place_labels(std::span<const EventLabel> labels,
                                                                  double low, double high, int rows,
                                                                  double gap);

}  // namespace isotach::view
