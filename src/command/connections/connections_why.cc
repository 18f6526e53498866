#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/text.h"
#include "base/units.h"
#include "command/connections/connections_view.h"

namespace isotach::command {
namespace {

using network::Connection;
using network::Direction;
using network::Limit;
using network::LimitShares;

// Smaller shares are told together.
constexpr double kSmallestShare = 0.005;
// A direction with less than this part of the other's data is not worth a paragraph.
constexpr double kSmallestPart = 0.05;

std::string endpoint(const Connection& connection, int side) {
  return side == 0
             ? network::endpoint_text(connection.key.source_address(), connection.key.source_port)
             : network::endpoint_text(connection.key.destination_address(), connection.key.destination_port);
}

std::string head_line(const Connection& connection, std::size_t index, int side) {
  const Direction& me = connection.directions[static_cast<std::size_t>(side)];
  const std::int64_t span_ns = me.last_data_ns - me.first_data_ns;
  std::string text =
      fmt::format("{}  {} -> {}  {}", index + 1, endpoint(connection, side), endpoint(connection, 1 - side),
                  format_bytes(static_cast<double>(me.unique_bytes)));
  if (span_ns > 0)
    text += fmt::format(
        " in {}, {}", format_duration_ns(static_cast<double>(span_ns)),
        format_bits_per_second(static_cast<double>(me.unique_bytes) * 8e9 / static_cast<double>(span_ns)));
  return text + '\n';
}

void write_direction(Output& out, const Connection& connection, std::size_t index, int side,
                     const LimitShares& shares, int columns) {
  out.write(head_line(connection, index, side));
  if (!shares.is_known()) {
    out.write("   not to be told: the capture does not show the answers to this data\n");
    return;
  }
  std::vector<Limit> order;
  for (std::size_t i = 0; i < network::kLimits; ++i) {
    const auto limit = static_cast<Limit>(i);
    if (shares.share(limit) >= kSmallestShare) order.push_back(limit);
  }
  std::sort(order.begin(), order.end(), [&](Limit a, Limit b) { return shares.share(a) > shares.share(b); });
  if (order.empty()) order.push_back(shares.verdict());
  constexpr std::size_t kIndent = 33;
  for (const Limit limit : order) {
    const std::string share =
        shares.span_ns() > 0 ? fmt::format("{:5.1f} %", 100 * shares.share(limit)) : std::string(7, ' ');
    const std::string begin = fmt::format("   {:<20} {}  ", network::limit_name(limit), share);
    const std::string evidence = network::limit_evidence(limit, shares, connection, side);
    const std::size_t width = static_cast<std::size_t>(std::max(columns, 0));
    if (width < kIndent + 30) {
      out.write(begin + '\n');
      out.write(wrap_words(evidence, 6, 6, std::max<std::size_t>(width, 20)));
    } else {
      out.write(begin + wrap_words(evidence, kIndent, kIndent, width).substr(kIndent));
    }
  }
}

}  // namespace

void write_connections_why(Output& out, const network::Tracker& tracker, const CaptureRun& run,
                           const Shown& shown, const network::LimitObserver& limits, int columns) {
  write_totals(out, tracker, run, shown);
  for (const std::size_t index : shown) {
    if (!out.is_open()) return;
    const Connection& one = tracker[index];
    out.write("\n");
    const int main = network::LimitObserver::main_side(one);
    const LimitShares* shares = limits.shares(index, main);
    if (shares == nullptr) {
      out.write(fmt::format("{}  {} -> {}  no data\n", index + 1, endpoint(one, 0), endpoint(one, 1)));
      continue;
    }
    write_direction(out, one, index, main, *shares, columns);
    const LimitShares* other = limits.shares(index, 1 - main);
    const auto part = static_cast<double>(one.directions[static_cast<std::size_t>(1 - main)].unique_bytes);
    if (other != nullptr &&
        part >=
            kSmallestPart * static_cast<double>(one.directions[static_cast<std::size_t>(main)].unique_bytes))
      write_direction(out, one, index, 1 - main, *other, columns);
  }
}

}  // namespace isotach::command
