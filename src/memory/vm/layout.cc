#include "memory/vm/layout.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "base/text.h"

namespace isotach::memory {
namespace {

// "---swap--"
void append_centered(const LayoutGroup& group, std::size_t width, std::string& out) {
  const std::string_view title = group.title.substr(0, width);
  const std::size_t dashes = width - title.size();
  const std::size_t left = group.odd_dash_right ? dashes / 2 : dashes - dashes / 2;
  out.append(left, '-');
  out.append(title);
  out.append(dashes - left, '-');
}

// Names of devices and slabs come from outside and may hold anything; digits and titles are ASCII.
std::size_t width_of(std::string_view text) {
  return display_width(text);
}

}  // namespace

Layout::Layout(std::vector<LayoutColumn> columns, std::vector<LayoutGroup> groups,
               std::size_t terminal_columns, bool repay_overflow)
    : columns_(std::move(columns)),
      groups_(std::move(groups)),
      terminal_columns_(terminal_columns),
      repay_overflow_(repay_overflow) {
  CHECK(!columns_.empty());
  std::vector<std::size_t> by_importance(columns_.size());
  std::iota(by_importance.begin(), by_importance.end(), std::size_t{0});
  std::stable_sort(by_importance.begin(), by_importance.end(), [&](std::size_t a, std::size_t b) {
    return columns_[a].importance > columns_[b].importance;
  });
  for (const std::size_t index : by_importance) {
    if (kept_.empty()) {
      std::size_t& width = columns_[index].width;
      width = std::min(width, std::max<std::size_t>(terminal_columns, 1));
    }
    const auto place = std::lower_bound(kept_.begin(), kept_.end(), index);
    const auto added = kept_.insert(place, index);
    if (kept_length() > terminal_columns && kept_.size() > 1) kept_.erase(added);
  }
}

std::size_t Layout::kept_length() const {
  std::size_t length = 0;
  for (std::size_t i = 0; i < kept_.size(); ++i)
    length += columns_[kept_[i]].width + (i > 0 ? columns_[kept_[i]].gap : 0);
  return length;
}

std::string Layout::left_out() const {
  std::string titles;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (std::binary_search(kept_.begin(), kept_.end(), i)) continue;
    if (!titles.empty()) titles += ' ';
    titles += columns_[i].title;
  }
  return titles;
}

void Layout::append_groups(std::string& out) const {
  for (std::size_t i = 0; i < kept_.size();) {
    const std::size_t group = columns_[kept_[i]].group;
    if (i > 0) out.append(columns_[kept_[i]].gap, ' ');
    std::size_t width = columns_[kept_[i]].width;
    for (++i; i < kept_.size() && columns_[kept_[i]].group == group; ++i)
      width += columns_[kept_[i]].gap + columns_[kept_[i]].width;
    append_centered(groups_[group], width, out);
  }
  out += '\n';
}

void Layout::append_titles(std::string& out) const {
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    const LayoutColumn& column = columns_[kept_[i]];
    if (i > 0) out.append(column.gap, ' ');
    const std::string_view title =
        column.title.substr(0, std::max(column.width, column.left_aligned ? column.title.size() : 0));
    const std::size_t blanks = column.width - std::min(title.size(), column.width);
    if (!column.left_aligned) out.append(blanks, ' ');
    out.append(title);
    if (column.left_aligned) out.append(blanks, ' ');
  }
  out += '\n';
}

void Layout::append_line(std::span<const std::string_view> texts, std::string& out) const {
  CHECK(texts.size() == kept_.size());
  std::size_t too_far_right = 0;
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    const LayoutColumn& column = columns_[kept_[i]];
    if (i > 0) out.append(column.gap, ' ');
    const std::size_t needed = width_of(texts[i]);
    std::size_t width = column.width;
    if (repay_overflow_ && needed < width) {
      const std::size_t repaid = std::min(too_far_right, width - needed);
      width -= repaid;
      too_far_right -= repaid;
    }
    if (needed > width) too_far_right += needed - width;
    const std::size_t blanks = width - std::min(needed, width);
    if (!column.left_aligned) out.append(blanks, ' ');
    out.append(texts[i]);
    if (column.left_aligned) out.append(blanks, ' ');
  }
  out += '\n';
}

std::size_t Layout::line_length(std::span<const std::string_view> texts) const {
  std::size_t length = 0;
  std::size_t too_far_right = 0;
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    const LayoutColumn& column = columns_[kept_[i]];
    const std::size_t needed = width_of(texts[i]);
    std::size_t width = column.width;
    if (repay_overflow_ && needed < width) {
      const std::size_t repaid = std::min(too_far_right, width - needed);
      width -= repaid;
      too_far_right -= repaid;
    }
    if (needed > width) too_far_right += needed - width;
    length += (i > 0 ? column.gap : 0) + std::max(needed, width);
  }
  return length;
}

}  // namespace isotach::memory
