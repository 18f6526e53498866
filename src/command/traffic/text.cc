// The report of isotach traffic for people without a screen.
#include <fmt/format.h>

#include "base/text.h"
#include "base/units.h"
#include "command/traffic/export.h"

namespace isotach::command {
namespace {

using network::TrafficBy;
using network::TrafficSnapshot;

std::string scope_text(const TrafficSnapshot& now) {
  std::string text;
  for (const network::InterfaceTraffic& interface : now.interfaces)
    text += (text.empty() ? "" : ", ") + printable(interface.name);
  return text.empty() ? "no interface" : text;
}

std::string rate_text(const std::optional<double>& bits_s) {
  return bits_s ? format_bits_per_second(*bits_s) : "-";
}

std::string head_text(const TrafficSession& session, const TrafficReport& report, int columns) {
  const TrafficSnapshot& now = session.now();
  const auto whole = report.whole_run ? session.whole_rates() : std::nullopt;
  const network::TrafficRates* rates = whole ? &*whole : session.rates();
  view::Table table({{"", view::Align::left}, {"", view::Align::left, 0, 20}});
  table.row({"time", fmt::format("{}, {}", format_wall_time_local(now.time.wall_ns),
                                 format_duration_ns((rates == nullptr ? 0 : rates->seconds) * 1e9))});
  table.row({"interfaces", scope_text(now)});
  if (!now.filter.empty()) table.row({"filter", now.filter});
  const auto unaccounted = unaccounted_packets(now);
  std::string source = traffic_source_name(now.method) + ", not accounted " +
                       (unaccounted ? std::to_string(*unaccounted) : std::string("unknown"));
  if (other_packets(now) > 0) source += fmt::format(", other {}", other_packets(now));
  table.row({"source", source});
  if (!now.reason.empty()) table.row({"", now.reason});
  if (!now.remedy.empty()) table.row({"", now.remedy});
  for (const std::string& sentence : now.missing) table.row({"", sentence});
  const network::TwoWay total = network::traffic_total(now);
  if (rates != nullptr) {
    const network::TwoWayRate rate = network::traffic_total_rate(now, *rates);
    const auto direction = [](const network::TrafficRate& one, const network::Tally& tally) {
      return fmt::format("{}, {} packets; in all {}, {} packets", format_bits_per_second(one.bits_s()),
                         format_quantity(one.packets_s, Unit::per_second),
                         format_bytes(static_cast<double>(tally.bytes)), tally.packets);
    };
    table.row({"in", direction(rate.in, total.in)});
    table.row({"out", direction(rate.out, total.out)});
    const TrafficSpeeds speeds = session.total_speeds();
    table.row({"both", fmt::format("peak {}, mean {}", rate_text(speeds.peak_bits_s),
                                   rate_text(speeds.mean_bits_s))});
  }
  return table.text(columns);
}

}  // namespace

std::string traffic_text(const TrafficSession& session, const TrafficReport& report, int columns,
                         HostNames* names) {
  std::string text = head_text(session, report, columns);
  for (const TrafficBy by : report.bys) {
    TrafficListing listing;
    listing.by = by;
    listing.sort = report.sort;
    listing.rows = by == TrafficBy::interface || by == TrafficBy::size ? 0 : report.top;
    listing.whole_run = report.whole_run;
    const TrafficSelection selection = select_traffic(session, listing, names);
    const view::TrafficList list = traffic_list(session, listing, selection, names);
    std::string title(network::traffic_by_plural(by));
    if (selection.groups.size() < selection.known)
      title += fmt::format(", {} of {}", selection.groups.size(), selection.known);
    text += '\n' + title + '\n';
    text += list.rows.empty() ? list.none + '\n' : view::traffic_table(list, false, columns).text(columns);
  }
  return text;
}

}  // namespace isotach::command
