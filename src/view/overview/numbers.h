// Every number of the overview under its name: JSON and CSV are both written from this list.
// Names carry their unit, as everywhere: docs/formats/overview.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "view/overview/model.h"

namespace isotach::view {

struct NamedNumber {
  std::string_view name;  // "receive_bits_per_second"
  Number value;
  bool is_boolean = false;  // 0 or 1 stand for no and yes
};

struct NumberItem {
  std::string name;  // of the device or CPU; empty in an area that is not a list
  std::vector<NamedNumber> numbers;
};

struct NumberArea {
  std::string_view key;  // "memory", "interfaces"
  bool is_list = false;
  std::vector<NumberItem> items;  // one where it is no list
};

[[nodiscard]] std::vector<NumberArea> overview_numbers(const OverviewModel& model);

}  // namespace isotach::view
