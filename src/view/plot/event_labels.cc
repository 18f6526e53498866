#include "view/plot/event_labels.h"

#include <algorithm>

namespace isotach::view {

std::vector<std::optional<LabelPlace>> place_labels(std::span<const EventLabel> labels, double low,
                                                    double high, int rows, double gap) {
  struct Taken {
    double left, right;
  };
  std::vector<std::vector<Taken>> taken(static_cast<std::size_t>(std::max(rows, 0)));
  std::vector<std::optional<LabelPlace>> places;
  places.reserve(labels.size());
  for (const EventLabel& label : labels) {
    std::optional<LabelPlace> place;
    const double right_of_line = label.position + gap / 2;
    const double left_of_line = label.position - gap / 2 - label.width;
    for (std::size_t row = 0; row < taken.size() && !place; ++row) {
      for (const double left : {right_of_line, left_of_line}) {
        const double right = left + label.width;
        if (left < low || right > high) continue;
        const bool free = std::none_of(taken[row].begin(), taken[row].end(), [&](const Taken& other) {
          return left < other.right + gap && other.left < right + gap;
        });
        if (!free) continue;
        taken[row].push_back({left, right});
        place = LabelPlace{left, static_cast<int>(row)};
        break;
      }
    }
    places.push_back(place);
  }
  return places;
}

}  // namespace isotach::view
