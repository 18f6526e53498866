// A cell as the text of a table. Nothing is allocated: the text lives in the CellText.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "memory/vm/cell.h"

namespace isotach::memory {

class CellText {
 public:
  [[nodiscard]] std::string_view view() const { return {text_.data(), size_}; }
  void append(char character) {
    if (size_ < text_.size()) text_[size_++] = character;
  }
  void append_number(Wide number);

 private:
  std::array<char, 48> text_{};
  std::size_t size_ = 0;
};

// How tables show memory.
struct TableUnit {
  std::uint64_t bytes = 1024;  // 1, 1000, 1024, 1000000, 1048576
  char letter = 'K';           // B, b, k, K, m, M: as typed
};

// As vmstat writes it: memory in whole units rounded down, rates to the nearest whole number or, for
// averages since boot, rounded down. "-" where there is no number.
[[nodiscard]] CellText cell_text(const Cell& cell, Form form, const TableUnit& unit, bool since_boot);

// In at most `width` characters, with K, M, G, T, P, E in steps of 1024 for bytes and k, M, ... in steps of
// 1000 for other things: "22.2G", "31k"; "++" where nothing that short says it. Percents stay as they are.
[[nodiscard]] CellText short_cell_text(const Cell& cell, Form form, const TableUnit& unit, bool since_boot,
                                       std::size_t width);

// free -h: "23Gi", "8.6Mi", "0B". At most five characters up to the exbibyte; with `si`, steps of 1000
// and four characters: "24G".
[[nodiscard]] CellText human_text(const Cell& kib, bool si);

}  // namespace isotach::memory
