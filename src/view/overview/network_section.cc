#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "view/overview/sections.h"

namespace isotach::view {
namespace {

constexpr int kRateColumns = 11;  // "94.1 Mbit/s"
constexpr int kStateColumns = 8;  // "err 12/s"
constexpr int kNameColumns = 8;
constexpr int kMostNameColumns = 16;
constexpr int kLeastGraphRows = 2;
constexpr int kMostGraphRows = 40;
constexpr double kLinkWarning = 0.85;

Number sum(Number a, Number b) {
  if (!a && !b) return std::nullopt;
  return a.value_or(0) + b.value_or(0);
}

struct State {
  std::string text;
  Style style = Style::dim;
};

// The one thing worth knowing about an interface besides its rates.
State state_of(const InterfaceArea& interface) {
  if (interface.errors_per_second.value_or(0) > 0)
    return {fmt::format("err {:.0f}/s", std::min(9999.0, *interface.errors_per_second)), Style::bad};
  if (interface.drops_per_second.value_or(0) > 0)
    return {fmt::format("drop {:.0f}/s", std::min(999.0, *interface.drops_per_second)), Style::warning};
  if (interface.up == false) return {"down", Style::dim};
  if (interface.full_duplex == false) return {"half", Style::warning};
  if (interface.link_share)
    return {percent_text(interface.link_share),
            *interface.link_share >= kLinkWarning ? Style::warning : Style::dim};
  return {};
}

int name_columns(const OverviewModel& model, int columns) {
  std::size_t widest = 0;
  for (const InterfaceArea& interface : model.interfaces)
    widest = std::max(widest, display_width(printable(interface.name)));
  const int room = columns >= 60 ? kMostNameColumns : kNameColumns;
  return std::clamp(static_cast<int>(std::min<std::size_t>(widest, 100)), 4, room);
}

SectionRows network_rows(const OverviewModel& model, const OverviewView&, int) {
  const int count = static_cast<int>(std::min<std::size_t>(model.interfaces.size(), 300));
  if (count == 0) return {1, 1, 1, 50};
  return {1, 1 + std::min(count, 4) + kLeastGraphRows, 1 + count + kMostGraphRows, 80};
}

void draw_essence(Canvas& canvas, const OverviewModel& model) {
  canvas.text(0, 0, "NET", Style::title);
  Number received;
  Number sent;
  for (const InterfaceArea& interface : model.interfaces) {
    if (interface.name == "lo") continue;
    received = sum(received, interface.receive_bits_per_second);
    sent = sum(sent, interface.transmit_bits_per_second);
  }
  const std::string both = fmt::format("in {}  out {}", quantity_text(received, Unit::bits_per_second),
                                       quantity_text(sent, Unit::bits_per_second));
  const bool fits = kLabelColumns + 1 + static_cast<int>(both.size()) <= canvas.columns();
  canvas.text(kLabelColumns + 1, 0, fits ? both : quantity_text(sum(received, sent), Unit::bits_per_second));
}

// Rates of one interface in a row; further columns come as the width allows.
void draw_interface(Canvas row, const InterfaceArea& interface, int name_width, bool selected) {
  row.text(0, 0, interface.name, selected ? Style::bold : Style::plain, name_width);
  const State state = state_of(interface);
  int end = row.columns();
  const bool with_state = end >= name_width + 2 * kRateColumns + kStateColumns + 3;
  if (with_state) {
    row.text_right(end, 0, state.text, state.style);
    end -= kStateColumns + 1;
  }
  row.text_right(end, 0, quantity_text(interface.transmit_bits_per_second, Unit::bits_per_second),
                 Style::plain, name_width);
  row.text_right(end - kRateColumns - 1, 0,
                 quantity_text(interface.receive_bits_per_second, Unit::bits_per_second), Style::plain,
                 name_width);
  const int packets_end = end - 2 * (kRateColumns + 1);
  if (packets_end < name_width + 24) return;
  row.text_right(
      packets_end, 0,
      fmt::format("{} + {} packets/s", quantity_text(interface.receive_packets_per_second, Unit::count),
                  quantity_text(interface.transmit_packets_per_second, Unit::count)),
      Style::dim, name_width + 1);
}

// Received and sent of one interface side by side.
void draw_graphs(Canvas canvas, const InterfaceArea& interface) {
  if (canvas.rows() < kLeastGraphRows || canvas.columns() < 20) return;
  const int half = (canvas.columns() - 2) / 2;
  const auto draw_one = [&](Canvas side, std::string_view word, const Past& past, Style style) {
    const double top = graph_top(past, 1000);
    const int after = side.text(0, 0, fmt::format("{} {}", interface.name, word), Style::dim);
    side.text_right(side.columns(), 0, format_bits_per_second(top), Style::dim, after + 1);
    side.part(0, 1, side.columns(), side.rows() - 1).graph(past, top, style);
  };
  draw_one(canvas.part(0, 0, half, canvas.rows()), "received", interface.receive_past, Style::series_1);
  draw_one(canvas.part(half + 2, 0, half, canvas.rows()), "sent", interface.transmit_past, Style::series_3);
}

void draw_network(Canvas canvas, const OverviewModel& model, const OverviewView& view) {
  if (model.interfaces.empty()) {
    if (canvas.columns() >= 30) return canvas.rule("NETWORK", "none", Style::dim);
    canvas.text(0, 0, "NET", Style::title);
    canvas.text(kLabelColumns + 1, 0, "-", Style::dim);
    return;
  }
  if (canvas.rows() == 1) return draw_essence(canvas, model);
  const int name_width = name_columns(model, canvas.columns());
  const bool with_state = canvas.columns() >= name_width + 2 * kRateColumns + kStateColumns + 3;
  const std::string head =
      fmt::format("{:>{}} {:>{}}{}", "received", kRateColumns, "sent", kRateColumns,
                  with_state ? fmt::format(" {:>{}}", "link", kStateColumns) : std::string());
  const bool roomy = canvas.columns() >= static_cast<int>(head.size()) + 9;
  canvas.rule(roomy ? "NETWORK" : "NET", head, Style::dim);
  const auto count = static_cast<int>(model.interfaces.size());
  int rows = canvas.rows() - 1;
  // A history of the first one in the list, once a few others have rows to stand in; where all have,
  // it gets the rest.
  const int list_rows = std::min(count, std::max(4, rows / 2));
  const int graph_rows = rows - list_rows >= kLeastGraphRows ? rows - list_rows : 0;
  rows -= graph_rows;
  const int first = static_cast<int>(std::min(view.interface, model.interfaces.size() - 1));
  const int shown = std::min(count, rows);
  for (int i = 0; i < shown; ++i) {
    const bool last_row_counts = i == rows - 1 && count > rows;
    if (last_row_counts) {
      canvas.text(0, 1 + i, fmt::format("and {} more (tab)", count - rows + 1), Style::dim);
      break;
    }
    const auto index = static_cast<std::size_t>((first + i) % count);
    draw_interface(canvas.part(0, 1 + i, canvas.columns(), 1), model.interfaces[index], name_width,
                   i == 0 && graph_rows > 0);
  }
  draw_graphs(canvas.part(0, 1 + shown, canvas.columns(), canvas.rows() - 1 - shown),
              model.interfaces[static_cast<std::size_t>(first)]);
}

}  // namespace

const Section kNetworkSection = {network_rows, draw_network, U'3'};

}  // namespace isotach::view
