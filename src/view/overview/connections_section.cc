// The busiest TCP connections of the machine, and what limits each.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "view/overview/sections.h"

namespace isotach::view {
namespace {

constexpr int kRateColumns = 13;  // "↓ 94.1 Mbit/s"
constexpr int kRttColumns = 8;
constexpr int kAgainColumns = 6;
constexpr int kOneRowFrom = 130;  // narrower pages say in a second row what limits a connection
constexpr int kLeastWithAgain = 70;
constexpr int kLeastWithRtt = 60;

// Columns of the table at a width; 0 for those that do not fit.
struct Columns {
  int process = 0, local = 0, remote = 0, rtt = 0, again = 0;

  explicit Columns(int columns) {
    const bool wide = columns >= kOneRowFrom;
    process = wide ? 22 : std::clamp(columns / 5, 6, 18);
    local = wide ? 26 : 0;
    remote = wide ? 34 : std::clamp(columns / 3, 8, 44);
    rtt = columns >= kLeastWithRtt ? kRttColumns : 0;
    again = columns >= kLeastWithAgain ? kAgainColumns : 0;
  }
};

std::string cause_text(const ConnectionText& one) {
  if (one.cause_name.empty()) return "-";
  const bool known = one.cause_share && *one.cause_share > 0;
  return known ? fmt::format("{} {}", one.cause_name, percent_text(one.cause_share)) : one.cause_name;
}

void draw_heads(Canvas canvas, const Columns& wide) {
  int at = 0;
  const auto left = [&](int width, std::string_view title) {
    if (width == 0) return;
    canvas.text(at, 0, title, Style::dim, at + width);
    at += width + 1;
  };
  const auto right = [&](int width, std::string_view title) {
    if (width == 0) return;
    canvas.text_right(at + width, 0, title, Style::dim, at);
    at += width + 1;
  };
  left(wide.process, "program");
  left(wide.local, "here");
  left(wide.remote, "there");
  right(kRateColumns, "rate");
  right(wide.rtt, "rtt");
  right(wide.again, "again");
  if (canvas.columns() >= kOneRowFrom) canvas.text(at + 1, 0, "what limits it", Style::dim);
}

// "▲ the receiver's buffer 83 %  its window of 64 KiB was full 83 % of the time"
void draw_cause(Canvas canvas, const ConnectionText& one) {
  Style style = Style::dim;
  if (!one.finding.empty()) {
    const SeverityLook look = severity_look(one.severity, canvas.unicode());
    canvas.dot(0, 0, look.sign, look.style);
    style = look.style;
  }
  const int at = canvas.text(2, 0, cause_text(one), style) + 2;
  if (at + 20 < canvas.columns()) canvas.text(at, 0, one.evidence, Style::dim);
}

void draw_connection(Canvas canvas, const ConnectionText& one, const Columns& wide) {
  int at = 0;
  const auto left = [&](int width, std::string_view text, Style style) {
    if (width == 0) return;
    canvas.text(at, 0, text, style, at + width);
    at += width + 1;
  };
  const auto right = [&](int width, std::string_view text) {
    if (width == 0) return;
    canvas.text_right(at + width, 0, text, Style::plain, at);
    at += width + 1;
  };
  left(wide.process, one.process.empty() ? "-" : one.process, Style::plain);
  left(wide.local, one.local, Style::dim);
  left(wide.remote, one.remote, Style::plain);
  const std::string_view arrow = canvas.unicode() ? (one.sends ? "↑" : "↓") : (one.sends ? ">" : "<");
  const std::string rate = quantity_text(one.bits_per_second, Unit::bits_per_second);
  canvas.text_right(at + kRateColumns, 0, rate, Style::plain, at + 2);
  canvas.dot(at + kRateColumns - static_cast<int>(rate.size()) - 2, 0, arrow, Style::dim);
  at += kRateColumns + 1;
  right(wide.rtt, one.rtt_s ? format_duration_ns(*one.rtt_s * 1e9) : "-");
  right(wide.again, quantity_text(one.retransmitted_segments, Unit::count));
  if (canvas.columns() < kOneRowFrom)
    draw_cause(canvas.part(2, 1, canvas.columns() - 2, 1), one);
  else
    draw_cause(canvas.part(at + 1, 0, canvas.columns() - at - 1, 1), one);
}

}  // namespace

int connection_rows(int columns) {
  return columns >= kOneRowFrom ? 1 : 2;
}

void draw_connections_page(Canvas canvas, const OverviewModel& model, const OverviewView& view) {
  const std::size_t shown = model.connections.size();
  std::string count = fmt::format("{} established", model.connection_count);
  if (shown < model.connection_count)
    count += shown > 0 ? fmt::format(", the {} busiest", shown) : std::string(", none busy");
  canvas.rule("CONNECTIONS", model.replay ? std::string() : count, Style::dim);
  if (model.replay) {
    canvas.text(0, 1, "a recording holds no connections", Style::dim);
    return;
  }
  if (shown == 0) {
    canvas.text(0, 1, "no TCP connection moves data", Style::dim);
    return;
  }
  const Columns wide(canvas.columns());
  draw_heads(canvas.part(0, 1, canvas.columns(), 1), wide);
  const int each = connection_rows(canvas.columns());
  const int rows = (canvas.rows() - 2) / each;
  const std::size_t first = scrolled(view.scroll, shown, rows);
  for (std::size_t i = first; i < shown && static_cast<int>(i - first) < rows; ++i)
    draw_connection(canvas.part(0, 2 + static_cast<int>(i - first) * each, canvas.columns(), each),
                    model.connections[i], wide);
}

}  // namespace isotach::view
