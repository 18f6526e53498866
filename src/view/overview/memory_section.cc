#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "view/overview/sections.h"

namespace isotach::view {
namespace {

constexpr int kMostHistoryRows = 40;
constexpr int kMostSwapGraphRows = 10;

Number share_of(Number part, Number whole) {
  if (!part || !whole || *whole <= 0) return std::nullopt;
  return *part / *whole;
}

Style used_style(Number share) {
  return share_style(share, 0.9, 0.95, Style::series_2);
}

struct Amount {
  const char* label;
  Number bytes;
  int texture = -1;  // of the bar; -1 for none
  Style style = Style::plain;
};

// "█ used       3.11 GiB" in as many columns as fit, row by row.
void draw_amounts(Canvas canvas, const std::vector<Amount>& amounts) {
  constexpr int kLeastColumns = 23;
  const int across = std::clamp(canvas.columns() / kLeastColumns, 1, 4);
  const int columns = (canvas.columns() + 2) / across;
  for (std::size_t i = 0; i < amounts.size(); ++i) {
    const Amount& amount = amounts[i];
    const int column = static_cast<int>(i) % across * columns;
    const int row = static_cast<int>(i) / across;
    if (row >= canvas.rows()) return;
    Canvas cell = canvas.part(column, row, std::min(columns - 2, canvas.columns() - column), 1);
    int at = 0;
    if (amount.texture >= 0) {
      cell.dot(0, 0, cell.texture(amount.texture), amount.style);
      at = 2;
    } else if (amount.texture == -2) {
      cell.dot(0, 0, cell.unicode() ? "·" : ".", Style::dim);
      at = 2;
    } else {
      at = 2;
    }
    at = cell.text(at, 0, amount.label, Style::dim);
    cell.text_right(cell.columns(), 0, quantity_text(amount.bytes, Unit::bytes), Style::plain, at + 1);
  }
}

int rows_of_amounts(std::size_t count, int columns) {
  const int across = std::clamp(columns / 23, 1, 4);
  return (static_cast<int>(count) + across - 1) / across;
}

// On its own page with what uses it.
std::vector<Amount> amounts_of(const MemoryArea& memory, const OverviewView& view) {
  const Number used = share_of(memory.used_bytes, memory.total_bytes);
  std::vector<Amount> amounts = {
      {"used", memory.used_bytes, 0, used_style(used)},      {"available", memory.available_bytes},
      {"buffers", memory.buffers_bytes, 1, Style::series_4}, {"free", memory.free_bytes, -2},
      {"cache", memory.cache_bytes, 2, Style::series_5},     {"dirty", memory.dirty_bytes}};
  if (view.page != OverviewPage::memory) return amounts;
  amounts.insert(amounts.end(), {{"writeback", memory.writeback_bytes},
                                 {"programs", memory.anonymous_bytes},
                                 {"shared", memory.shared_bytes},
                                 {"kernel", memory.slab_bytes},
                                 {"page tables", memory.page_tables_bytes},
                                 {"promised", memory.committed_bytes},
                                 {"  limit", memory.commit_limit_bytes}});
  return amounts;
}

SectionRows memory_rows(const OverviewModel& model, const OverviewView& view, int columns) {
  const int good = 2 + rows_of_amounts(amounts_of(model.memory, view).size(), columns);
  return {1, good, good + kMostHistoryRows, 90};
}

void draw_memory(Canvas canvas, const OverviewModel& model, const OverviewView& view) {
  const MemoryArea& memory = model.memory;
  const Number used = share_of(memory.used_bytes, memory.total_bytes);
  if (canvas.rows() == 1) return draw_share_line(canvas, "MEM", used, used_style(used));
  std::string total = quantity_text(memory.total_bytes, Unit::bytes);
  if (model.limits.memory_bytes) total += ", limit " + format_bytes(*model.limits.memory_bytes);
  canvas.rule("MEMORY", total, Style::dim);
  const auto part = [&](Number bytes) { return share_of(bytes, memory.total_bytes).value_or(0); };
  canvas.stacked_bar(0, 1, canvas.columns() - 7,
                     {{part(memory.used_bytes), 0, used_style(used)},
                      {part(memory.buffers_bytes), 1, Style::series_4},
                      {part(memory.cache_bytes), 2, Style::series_5}});
  canvas.text_right(canvas.columns(), 1, percent_text(used), Style::bold);
  const std::vector<Amount> amounts = amounts_of(memory, view);
  const int rows = std::min(rows_of_amounts(amounts.size(), canvas.columns()), canvas.rows() - 2);
  draw_amounts(canvas.part(0, 2, canvas.columns(), rows), amounts);
  canvas.part(0, 2 + rows, canvas.columns(), canvas.rows() - 2 - rows)
      .graph(memory.used_share_past, 1, Style::series_2, 0.9);
}

bool has_swap(const SwapArea& swap) {
  return swap.total_bytes && *swap.total_bytes > 0;
}

SectionRows swap_rows(const OverviewModel& model, const OverviewView& view, int) {
  if (!has_swap(model.swap)) return {1, 1, 1, 60};
  const int devices = static_cast<int>(std::min<std::size_t>(model.swap.devices.size(), 8));
  return {1, 3, 3 + devices + (view.page == OverviewPage::memory ? kMostSwapGraphRows : 0), 60};
}

// In and out side by side, with one scale.
void draw_swapping(Canvas canvas, const SwapArea& swap) {
  if (canvas.rows() < 3 || canvas.columns() < 20) return;
  const double top = std::max(graph_top(swap.in_past, 1024 * 1024), graph_top(swap.out_past, 1024 * 1024));
  const int half = (canvas.columns() - 2) / 2;
  const auto side = [&](int column, std::string_view word, const Past& past, Style style) {
    Canvas part = canvas.part(column, 0, half, canvas.rows());
    const int after = part.text(0, 0, word, Style::dim);
    part.text_right(part.columns(), 0, quantity_text(top, Unit::bytes_per_second), Style::dim, after + 1);
    part.part(0, 1, part.columns(), part.rows() - 1).graph(past, top, style);
  };
  side(0, "in", swap.in_past, Style::series_1);
  side(half + 2, "out", swap.out_past, Style::series_3);
}

void draw_swap(Canvas canvas, const OverviewModel& model, const OverviewView&) {
  const SwapArea& swap = model.swap;
  if (!has_swap(swap)) {
    const char* text = swap.total_bytes ? "none" : "-";
    if (canvas.columns() >= 30) return canvas.rule("SWAP", text, Style::dim);
    canvas.text(0, 0, "SWAP", Style::title);
    canvas.text(kLabelColumns + 1, 0, text, Style::dim);
    return;
  }
  const Number used = share_of(swap.used_bytes, swap.total_bytes);
  const Style style = share_style(used, 0.8, 0.95, Style::series_3);
  if (canvas.rows() == 1) return draw_share_line(canvas, "SWAP", used, style);
  canvas.rule("SWAP",
              fmt::format("{} of {}", quantity_text(swap.used_bytes, Unit::bytes),
                          quantity_text(swap.total_bytes, Unit::bytes)),
              Style::dim);
  canvas.bar(0, 1, canvas.columns() - 7, used, style);
  canvas.text_right(canvas.columns(), 1, percent_text(used), Style::bold);
  if (canvas.rows() < 3) return;
  int at = canvas.text(0, 2, "in ", Style::dim);
  at = canvas.text(at, 2, quantity_text(swap.in_bytes_per_second, Unit::bytes_per_second));
  at = canvas.text(std::max(at + 2, 18), 2, "out ", Style::dim);
  canvas.text(at, 2, quantity_text(swap.out_bytes_per_second, Unit::bytes_per_second));
  for (std::size_t i = 0; i < swap.devices.size(); ++i) {
    const SwapArea::Device& device = swap.devices[i];
    const int row = 3 + static_cast<int>(i);
    if (row >= canvas.rows()) return;
    std::string numbers = fmt::format("{} of {}", quantity_text(device.used_bytes, Unit::bytes),
                                      quantity_text(device.size_bytes, Unit::bytes));
    if (device.priority && canvas.columns() >= 50)
      numbers += fmt::format("  priority {:.0f}", *device.priority);
    const int end = canvas.columns() - static_cast<int>(numbers.size());
    canvas.text(0, row, device.name, Style::dim, std::max(1, end - 1));
    canvas.text_right(canvas.columns(), row, numbers);
  }
  const int used_rows = 3 + static_cast<int>(swap.devices.size());
  draw_swapping(canvas.part(0, used_rows, canvas.columns(), canvas.rows() - used_rows), swap);
}

std::string ksm_state(const KsmArea& ksm) {
  if (!ksm.run) return "-";
  if (*ksm.run == 1) return "running";
  return *ksm.run == 2 ? "being undone" : "off";
}

bool ksm_in_use(const KsmArea& ksm) {
  return ksm.run && (*ksm.run != 0 || ksm.shared_bytes.value_or(0) > 0);
}

SectionRows ksm_rows(const OverviewModel& model, const OverviewView&, int) {
  return ksm_in_use(model.ksm) ? SectionRows{1, 2, 3, 40} : SectionRows{1, 1, 1, 40};
}

std::string signed_bytes(Number bytes) {
  if (!bytes) return "-";
  return *bytes < 0 ? "-" + format_bytes(-*bytes) : format_bytes(*bytes);
}

void draw_ksm(Canvas canvas, const OverviewModel& model, const OverviewView&) {
  const KsmArea& ksm = model.ksm;
  if (!ksm_in_use(ksm)) {
    if (canvas.columns() >= 30) return canvas.rule("KSM", ksm_state(ksm), Style::dim);
    canvas.text(0, 0, "KSM", Style::title);
    canvas.text(kLabelColumns + 1, 0, ksm_state(ksm), Style::dim);
    return;
  }
  if (canvas.rows() == 1) {
    canvas.text(0, 0, "KSM", Style::title);
    canvas.text(kLabelColumns + 1, 0, "saves " + quantity_text(ksm.saved_bytes, Unit::bytes));
    return;
  }
  const bool loss = ksm.profit_bytes && *ksm.profit_bytes < 0;
  canvas.rule("KSM", ksm_state(ksm), Style::dim);
  int at = canvas.text(0, 1, "saved ", Style::dim);
  at = canvas.text(at, 1, quantity_text(ksm.saved_bytes, Unit::bytes));
  at = canvas.text(at, 1, "  profit ", Style::dim);
  at = canvas.text(at, 1, signed_bytes(ksm.profit_bytes), loss ? Style::warning : Style::plain);
  const std::string shared = "  shared " + quantity_text(ksm.shared_bytes, Unit::bytes);
  if (at + static_cast<int>(shared.size()) <= canvas.columns()) {
    at = canvas.text(at, 1, "  shared ", Style::dim);
    canvas.text(at, 1, quantity_text(ksm.shared_bytes, Unit::bytes));
  }
  if (canvas.rows() < 3) return;
  std::string scan = fmt::format("scans {}/s", quantity_text(ksm.scanned_per_second, Unit::count));
  if (ksm.pages_to_scan && ksm.sleep_s)
    scan += fmt::format(", set to {:.0f} pages every {:.0f} ms", *ksm.pages_to_scan, *ksm.sleep_s * 1000);
  canvas.text(0, 2, scan, Style::dim);
}

}  // namespace

const Section kMemorySection = {memory_rows, draw_memory, U'2'};
const Section kSwapSection = {swap_rows, draw_swap, U'2'};
const Section kKsmSection = {ksm_rows, draw_ksm, U'2'};

}  // namespace isotach::view
