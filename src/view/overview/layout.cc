#include "view/overview/layout.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace isotach::view {

std::vector<int> share_rows(const std::vector<SectionRows>& sections, int rows) {
  std::vector<std::size_t> by_priority(sections.size());
  std::iota(by_priority.begin(), by_priority.end(), std::size_t{0});
  std::stable_sort(by_priority.begin(), by_priority.end(),
                   [&](std::size_t a, std::size_t b) { return sections[a].priority > sections[b].priority; });
  std::vector<int> shares(sections.size(), 0);
  int left = std::max(rows, 0);
  for (const std::size_t i : by_priority) {
    if (sections[i].least > left) continue;
    shares[i] = sections[i].least;
    left -= shares[i];
  }
  const auto grow = [&](std::size_t i, int target) {
    const int more = std::clamp(target - shares[i], 0, left);
    shares[i] += more;
    left -= more;
  };
  for (const std::size_t i : by_priority)
    if (shares[i] > 0) grow(i, sections[i].good);
  // The rest row by row, so that graphs grow together.
  for (bool grown = true; grown && left > 0;) {
    grown = false;
    for (const std::size_t i : by_priority) {
      if (shares[i] == 0 || shares[i] >= sections[i].most || left == 0) continue;
      grow(i, shares[i] + 1);
      grown = true;
    }
  }
  return shares;
}

}  // namespace isotach::view
