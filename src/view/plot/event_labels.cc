#include "view/plot/event_labels.h"

#include <algorithm>

namespace isotach::view {
namespace {

struct Taken {
  double left, right;
};

bool is_free(const std::vector<Taken>& row, const Taken& wanted, double gap) {
  return std::none_of(row.begin(), row.end(), [&](const Taken& other) {
    return wanted.left < other.right + gap && other.left < wanted.right + gap;
  });
}

}  // namespace

std::vector<std::optional<LabelPlace>> place_labels(std::span<const EventLabel> labels, double low,
                                                    double high, int rows, double gap) {
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
        if (!is_free(taken[row], {left, right}, gap)) continue;
        taken[row].push_back({left, right});
        place = LabelPlace{left, static_cast<int>(row)};
        break;
      }
    }
    places.push_back(place);
  }
  return places;
}

std::vector<std::optional<LabelPlace>> place_band_labels(std::span<const BandLabel> labels, double low,
                                                         double high, int rows, double gap) {
  std::vector<std::vector<Taken>> taken(static_cast<std::size_t>(std::max(rows, 0)));
  std::vector<std::optional<LabelPlace>> places;
  places.reserve(labels.size());
  for (const BandLabel& label : labels) {
    std::optional<LabelPlace> place;
    const double left =
        std::max(low, std::min((label.from + label.to - label.width) / 2, high - label.width));
    const Taken wanted{std::min(left, label.from), std::max(left + label.width, label.to)};
    for (std::size_t row = 0; row < taken.size() && !place && left + label.width <= high; ++row) {
      if (!is_free(taken[row], wanted, gap)) continue;
      taken[row].push_back(wanted);
      place = LabelPlace{left, static_cast<int>(row)};
    }
    places.push_back(place);
  }
  return places;
}

int rows_of(std::span<const std::optional<LabelPlace>> places) {
  int rows = 0;
  for (const auto& place : places)
    if (place) rows = std::max(rows, place->row + 1);
  return rows;
}

}  // namespace isotach::view
