#include "command/connections/selection.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/text.h"

namespace isotach::command {
namespace {

using network::Connection;
using network::Direction;

double retransmissions(const Connection& one) {
  double sum = 0;
  for (const Direction& direction : one.directions)
    if (direction.trouble) sum += static_cast<double>(direction.trouble->retransmitted_packets);
  return sum;
}

double key_of(const Connection& one, const std::string& sort) {
  if (sort == "bytes") return static_cast<double>(one.a().unique_bytes + one.b().unique_bytes);
  if (sort == "packets") return static_cast<double>(one.packets());
  if (sort == "time") return static_cast<double>(one.elapsed_ns());
  if (sort == "rexmt") return retransmissions(one);
  if (sort == "rtt")
    return std::max({one.a().rtt.mean(), one.b().rtt.mean(), static_cast<double>(one.handshake_ns)});
  CHECK(sort == "start");
  return 0;
}

}  // namespace

Result<std::vector<NumberRange>> parse_number_list(const std::string& text) {
  const auto wrong = [&] {
    return failure(ErrorKind::usage, "'" + printable(text) + "' is no list of connections",
                   "write numbers from 1 on, such as 3, 1,4 or 2-7");
  };
  std::vector<NumberRange> ranges;
  for (const std::string_view piece : split(text, ',')) {
    const std::size_t dash = piece.find('-');
    const auto first = parse_unsigned(piece.substr(0, dash));
    if (!first || *first == 0) return wrong();
    NumberRange range{static_cast<std::size_t>(*first), static_cast<std::size_t>(*first)};
    if (dash != std::string_view::npos) {
      const std::string_view rest = piece.substr(dash + 1);
      const auto last = parse_unsigned(rest);
      if (!rest.empty() && (!last || *last < *first)) return wrong();
      range.last = rest.empty() ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(*last);
    }
    ranges.push_back(range);
  }
  return ranges;
}

bool is_selected(const std::vector<NumberRange>& only, std::size_t index) {
  const auto holds = [index](const NumberRange& range) {
    return range.first <= index + 1 && index + 1 <= range.last;
  };
  return only.empty() || std::any_of(only.begin(), only.end(), holds);
}

const std::vector<std::string>& sort_keys() {
  static const std::vector<std::string> kKeys = {"start", "bytes", "packets", "time", "rexmt", "rtt"};
  return kKeys;
}

Shown select_connections(const network::Tracker& tracker, const std::vector<NumberRange>& only,
                         const Accepts& accepts, const std::string& sort, std::size_t top) {
  Shown shown;
  for (std::size_t i = 0; i < tracker.size(); ++i) {
    if (is_selected(only, i) && (!accepts || accepts(i))) shown.push_back(i);
  }
  if (sort != "start") {
    std::vector<double> keys(tracker.size());
    for (const std::size_t i : shown) keys[i] = key_of(tracker[i], sort);
    std::stable_sort(shown.begin(), shown.end(),
                     [&](std::size_t a, std::size_t b) { return keys[a] > keys[b]; });
  }
  if (top > 0 && shown.size() > top) shown.resize(top);
  return shown;
}

}  // namespace isotach::command
