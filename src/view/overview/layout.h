// Sharing out the rows of a column of sections: every size gets the best picture it has room for.
#pragma once

#include <vector>

namespace isotach::view {

struct Rect {
  int column = 0, row = 0, columns = 0, rows = 0;
};

// What a section asks for. With `least` rows it shows its essence, with `good` all that matters;
// what is left over goes to those that can use up to `most`.
struct SectionRows {
  int least = 1;
  int good = 1;
  int most = 1;
  int priority = 0;  // the largest is served first
};

// Rows for each section, in the order given; 0 where there is no room. The sum is at most `rows`,
// and no section gets fewer rows than one of smaller priority would have had to give up for it.
[[nodiscard]] std::vector<int> share_rows(const std::vector<SectionRows>& sections, int rows);

}  // namespace isotach::view
