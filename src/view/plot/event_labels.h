// Where the labels of events and of bands go, so that no two overlap.
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

struct BandLabel {
  double from = 0, to = 0;  // of the band
  double width = 0;         // of its text
};

// The same for bands: the label stands over the middle of its band, or as near to it as `low` and `high`
// allow. A row holds the whole length of each band as well as its label, so that a bar below the label
// can show what it names.
[[nodiscard]] std::vector<std::optional<LabelPlace>> place_band_labels(std::span<const BandLabel> labels,
                                                                       double low, double high, int rows,
                                                                       double gap);

// How many rows the places take.
[[nodiscard]] int rows_of(std::span<const std::optional<LabelPlace>> places);

}  // namespace isotach::view
