#include "memory/vm/cell_text.h"

#include <algorithm>
#include <cmath>

#include "base/clock.h"

namespace isotach::memory {
namespace {

constexpr std::uint64_t kBytesPerKib = 1024;
constexpr Wide kPerSecond = kNanosecondsPerSecond;

std::size_t digits(Wide number) {
  std::size_t count = 1;
  for (; number > 9; number /= 10) ++count;
  return count;
}

Wide whole_units(std::uint64_t kib, const TableUnit& unit) {
  return static_cast<Wide>(kib) * kBytesPerKib / unit.bytes;
}

Wide per_second(Wide amount, std::uint64_t per, bool since_boot) {
  return since_boot ? rounded_down(amount, kPerSecond, per) : rounded(amount, kPerSecond, per);
}

// The number that a table shows, before any shortening. `tenths` for pressure.
Wide shown_number(const Cell& cell, Form form, const TableUnit& unit, bool since_boot) {
  switch (form) {
    case Form::kib:
      return whole_units(cell.amount, unit);
    case Form::kib_rate:
      return per_second(whole_units(cell.amount, unit), cell.per, since_boot);
    case Form::count_rate:
    case Form::block_rate:
      return per_second(cell.amount, cell.per, since_boot);
    case Form::share:
      return rounded(cell.amount, 100, cell.per);
    case Form::pressure:
      return rounded(cell.amount, 1000, cell.per);
    case Form::seconds_of_ms:
      return cell.amount / 1000;
    default:
      return cell.amount;
  }
}

void append_tenths(CellText& text, Wide tenths) {
  text.append_number(tenths / 10);
  text.append('.');
  text.append(static_cast<char>('0' + static_cast<int>(tenths % 10)));
}

bool is_bytes(Form form) {
  return form == Form::kib || form == Form::kib_rate || form == Form::block_rate || form == Form::bytes;
}

}  // namespace

void CellText::append_number(Wide number) {
  std::array<char, 40> reversed{};
  std::size_t count = 0;
  do {
    reversed[count++] = static_cast<char>('0' + static_cast<int>(number % 10));
    number /= 10;
  } while (number != 0);
  while (count > 0) append(reversed[--count]);
}

CellText cell_text(const Cell& cell, Form form, const TableUnit& unit, bool since_boot) {
  CellText text;
  if (cell.is_missing()) {
    text.append('-');
    return text;
  }
  const Wide number = shown_number(cell, form, unit, since_boot);
  if (form == Form::pressure) {
    append_tenths(text, number);
  } else {
    text.append_number(number);
  }
  return text;
}

CellText short_cell_text(const Cell& cell, Form form, const TableUnit& unit, bool since_boot,
                         std::size_t width) {
  CellText whole = cell_text(cell, form, unit, since_boot);
  if (whole.view().size() <= width || form == Form::share || form == Form::pressure) return whole;
  // From here on in bytes or things, so that the suffix says the unit whatever --unit is.
  const TableUnit byte_unit{1, 'B'};
  Wide number = shown_number(cell, form, byte_unit, since_boot);
  if (form == Form::block_rate) number *= kBytesPerKib;
  const Wide step = is_bytes(form) ? 1024 : 1000;
  const std::string_view suffixes = is_bytes(form) ? "BKMGTPEZY" : " kMGTPEZY";
  Wide scale = 1;
  for (std::size_t i = 1; i < suffixes.size(); ++i) {
    scale *= step;
    if (number < scale) break;
    const Wide tenths = number * 10 / scale;
    CellText text;
    if (digits(tenths / 10) + 3 <= width) {
      append_tenths(text, tenths);
    } else if (digits(tenths / 10) + 1 <= width) {
      text.append_number(tenths / 10);
    } else {
      continue;
    }
    text.append(suffixes[i]);
    return text;
  }
  CellText too_large;
  for (std::size_t i = 0; i < width; ++i) too_large.append('+');
  return too_large;
}

CellText human_text(const Cell& kib, bool si) {
  CellText text;
  if (kib.is_missing()) {
    text.append('-');
    return text;
  }
  const std::size_t room = si ? 4 : 5;
  const Wide bytes = static_cast<Wide>(kib.amount) * kBytesPerKib;
  constexpr std::string_view kSuffixes = "BKMGTP";
  if (digits(bytes) + 1 <= 4) {
    text.append_number(bytes);
    text.append('B');
    return text;
  }
  const auto finish = [&](char suffix) {
    text.append(suffix);
    if (!si) text.append('i');
    return text;
  };
  const std::size_t suffix_size = si ? 1 : 2;
  const double step = si ? 1000.0 : 1024.0;
  double scale = 1;
  for (std::size_t i = 1;; ++i) {
    scale *= step;
    const double quotient = static_cast<double>(bytes) / scale;
    // Rounded to a tenth as printf rounds: to the nearest, ties to even.
    const auto tenths =
        static_cast<Wide>(std::nearbyint(static_cast<double>(static_cast<float>(quotient)) * 10));
    if (digits(tenths / 10) + 2 + suffix_size <= room) {
      append_tenths(text, tenths);
      return finish(kSuffixes[i]);
    }
    const auto whole = static_cast<Wide>(quotient);
    if (digits(whole) + suffix_size <= room || i + 1 == kSuffixes.size()) {
      text.append_number(whole);
      return finish(kSuffixes[i]);
    }
  }
}

}  // namespace isotach::memory
