#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "base/units.h"
#include "command/connections/connections_view.h"
#include "network/connections/fields.h"
#include "network/connections/tcptrace_text.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

using network::Connection;
using network::Direction;
using network::endpoint_text;
using network::FieldValue;

constexpr double kMillisecondNs = 1e6;

// A pair of numbers, from a and from b: "12 / 340".
std::string pair(const std::string& a, const std::string& b) {
  return a + " / " + b;
}

std::uint64_t retransmitted(const Direction& direction) {
  return direction.trouble ? direction.trouble->retransmitted_packets : 0;
}

// The round trip as far as this capture point tells: of the direction with the most samples.
std::string rtt_text(const Connection& connection) {
  if (connection.handshake_ns > 0) return format_duration_ns(static_cast<double>(connection.handshake_ns));
  const Direction& best =
      connection.a().rtt.count >= connection.b().rtt.count ? connection.a() : connection.b();
  if (best.rtt.count == 0) return "-";
  return format_duration_ns(best.rtt.mean());
}

std::string rate_text(std::uint64_t bytes, std::int64_t elapsed_ns) {
  if (elapsed_ns <= 0) return "-";
  return format_bits_per_second(static_cast<double>(bytes) * 8e9 / static_cast<double>(elapsed_ns));
}

std::string field_text(const FieldValue& value, const std::string& unit) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* count = std::get_if<std::uint64_t>(&value))
    return unit == "bytes" ? fmt::format("{} B", *count) : fmt::format("{}", *count);
  if (const auto* real = std::get_if<double>(&value)) {
    if (unit == "ms") return format_duration_ns(*real * kMillisecondNs);
    if (unit == "s") return format_duration_ns(*real * 1e9);
    if (unit == "Bps") return format_quantity(*real, Unit::bytes_per_second);
    if (unit == "bytes") return fmt::format("{:.0f} B", *real);
    return fmt::format("{:.3f}", *real);
  }
  return "-";
}

std::string state_text(const Connection& connection) {
  return network::connection_state_name(connection.state());
}

}  // namespace

void write_totals(Output& out, const network::Tracker& tracker, const CaptureRun& run, const Shown& shown) {
  std::size_t complete = 0;
  std::size_t reset = 0;
  for (std::size_t i = 0; i < tracker.size(); ++i) {
    complete += tracker[i].state() == network::ConnectionState::complete ? 1 : 0;
    reset += tracker[i].state() == network::ConnectionState::reset ? 1 : 0;
  }
  out.write(
      fmt::format("{} connection{} in {} TCP packets of {} frames: {} complete, {} reset, {} incomplete\n",
                  tracker.size(), tracker.size() == 1 ? "" : "s", tracker.packets(), run.counts.frames,
                  complete, reset, tracker.size() - complete - reset));
  if (shown.size() != tracker.size()) out.write(fmt::format("{} of them are shown\n", shown.size()));
}

std::vector<std::string> connection_cells(const Connection& connection, std::size_t index,
                                          const std::string& name) {
  const Direction& a = connection.a();
  const Direction& b = connection.b();
  return {std::to_string(index + 1),
          endpoint_text(connection.key.source_address(), connection.key.source_port),
          endpoint_text(connection.key.destination_address(), connection.key.destination_port),
          state_text(connection),
          format_duration_ns(static_cast<double>(connection.elapsed_ns())),
          pair(std::to_string(a.packets), std::to_string(b.packets)),
          format_bytes(static_cast<double>(a.unique_bytes)),
          format_bytes(static_cast<double>(b.unique_bytes)),
          pair(std::to_string(retransmitted(a)), std::to_string(retransmitted(b))),
          rtt_text(connection),
          rate_text(a.unique_bytes + b.unique_bytes, connection.elapsed_ns()),
          name};
}

void write_connections_table(Output& out, const network::Tracker& tracker, const CaptureRun& run,
                             const Shown& shown, const network::HostNames& names, int columns) {
  using view::Align;
  write_totals(out, tracker, run, shown);
  if (shown.empty()) return;
  view::Table table({{"#", Align::right},
                     {"a", Align::left, 0, 21},
                     {"b", Align::left, 0, 21},
                     {"state", Align::left, 6},
                     {"time", Align::quantity, 4},
                     {"packets a / b", Align::right, 5},
                     {"data from a", Align::quantity, 1},
                     {"from b", Align::quantity, 1},
                     {"rexmt a / b", Align::right, 2},
                     {"RTT", Align::quantity, 3},
                     {"rate", Align::quantity, 7},
                     {"name", Align::left, 8}});
  constexpr std::size_t kRowsAtOnce = 2000;
  for (const std::size_t index : shown) {
    const std::vector<std::string> cells = connection_cells(tracker[index], index, names.name(index).name);
    table.row({cells.begin(), cells.end()});
    if (table.row_count() >= kRowsAtOnce && !out.is_open()) return;
  }
  out.write(table.text(columns));
}

void write_connections_details(Output& out, const network::Tracker& tracker, const Shown& shown,
                               const network::HostNames& names, int columns) {
  bool first = true;
  for (const std::size_t index : shown) {
    if (!out.is_open()) return;
    const Connection& one = tracker[index];
    if (!first) out.write("\n");
    first = false;
    out.write(fmt::format("connection {}: a {}  b {}\n", index + 1,
                          endpoint_text(one.key.source_address(), one.key.source_port),
                          endpoint_text(one.key.destination_address(), one.key.destination_port)));
    out.write(fmt::format("{}, {} packets in {} from {}\n", state_text(one), one.packets(),
                          format_duration_ns(static_cast<double>(one.elapsed_ns())),
                          format_wall_time_local(one.first_ns)));
    if (const network::HostName& name = names.name(index); name.source != network::NameSource::none)
      out.write(fmt::format("name: {}, as {} says it\n", name.name, network::name_source_name(name.source)));
    if (one.handshake_ns >= 0)
      out.write(fmt::format("handshake: {}\n", format_duration_ns(static_cast<double>(one.handshake_ns))));
    view::Table table(
        {{"", view::Align::left}, {"a to b", view::Align::quantity}, {"b to a", view::Align::quantity}});
    bool any = false;
    network::FieldGroup group{};
    for (const network::DirectionField& field : network::direction_fields()) {
      const FieldValue a = field.value(one, one.a());
      const FieldValue b = field.value(one, one.b());
      if (!any || field.group != group) {
        if (any) table.gap();
        table.row({{network::field_group_name(field.group), view::Style::title}, "", ""});
        group = field.group;
        any = true;
      }
      table.row({std::string("  ") + field.label, field_text(a, field.unit), field_text(b, field.unit)});
    }
    out.write(table.text(columns));
  }
}

void write_connections_tcptrace(Output& out, const network::Tracker& tracker, const CaptureRun& run,
                                const Shown& shown) {
  out.write(fmt::format("{} packets seen, {} TCP packets traced\n",
                        run.counts.frames - run.counts.not_ip - run.counts.unknown_link, tracker.packets()));
  out.write(fmt::format("trace file{} elapsed time: {}\n", run.files.size() == 1 ? "" : "s",
                        network::tcptrace_elapsed(std::max<std::int64_t>(0, run.last_ns - run.first_ns))));
  if (tracker.size() == 0) {
    out.write("no traced TCP packets\n");
    return;
  }
  out.write(fmt::format("TCP connection info:\n{} TCP connection{} traced:\n", tracker.size(),
                        tracker.size() == 1 ? "" : "s"));
  network::TcptraceWriter writer;
  for (const std::size_t index : shown) {
    if (!out.is_open()) return;
    out.write(writer.text(tracker[index], index, run.files[tracker[index].file].name));
  }
}

}  // namespace isotach::command
