#include "command/connections/udp_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/units.h"
#include "view/export/csv_writer.h"
#include "view/export/json_writer.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

using network::UdpFlow;

constexpr std::string_view kSchema = "isotach.connections.udp.v1";

std::string host(const UdpFlow& flow, int side) {
  return side == 0 ? network::endpoint_text(flow.key.source_address(), flow.key.source_port)
                   : network::endpoint_text(flow.key.destination_address(), flow.key.destination_port);
}

double key_of(const UdpFlow& flow, const std::string& sort) {
  if (sort == "bytes") return static_cast<double>(flow.bytes());
  if (sort == "packets") return static_cast<double>(flow.packets());
  if (sort == "time") return static_cast<double>(flow.elapsed_ns());
  return 0;
}

std::vector<std::size_t> select(const network::UdpFlows& flows, const std::vector<NumberRange>& only,
                                const std::string& sort, std::size_t top) {
  std::vector<std::size_t> shown;
  for (std::size_t i = 0; i < flows.all().size(); ++i)
    if (is_selected(only, i)) shown.push_back(i);
  std::stable_sort(shown.begin(), shown.end(), [&](std::size_t a, std::size_t b) {
    return key_of(flows.all()[a], sort) > key_of(flows.all()[b], sort);
  });
  if (top > 0 && shown.size() > top) shown.resize(top);
  return shown;
}

void write_table(Context& context, const network::UdpFlows& flows, const CaptureRun& run,
                 const std::vector<std::size_t>& shown) {
  context.out.write(fmt::format("{} UDP flow{} in {} datagrams of {} frames\n", flows.all().size(),
                                flows.all().size() == 1 ? "" : "s", flows.packets(), run.counts.frames));
  if (shown.empty()) return;
  using view::Align;
  view::Table table({{"#", Align::right},
                     {"a", Align::left, 0, 21},
                     {"b", Align::left, 0, 21},
                     {"protocol", Align::left, 2},
                     {"time", Align::quantity, 4},
                     {"packets a / b", Align::right, 5},
                     {"data from a", Align::quantity, 1},
                     {"from b", Align::quantity, 1},
                     {"rate", Align::quantity, 3}});
  for (const std::size_t index : shown) {
    const UdpFlow& flow = flows.all()[index];
    const std::int64_t elapsed_ns = flow.elapsed_ns();
    table.row({std::to_string(index + 1), host(flow, 0), host(flow, 1), network::udp_protocol_name(flow),
               format_duration_ns(static_cast<double>(elapsed_ns)),
               fmt::format("{} / {}", flow.sides[0].packets, flow.sides[1].packets),
               format_bytes(static_cast<double>(flow.sides[0].bytes)),
               format_bytes(static_cast<double>(flow.sides[1].bytes)),
               elapsed_ns > 0 ? format_bits_per_second(static_cast<double>(flow.bytes()) * 8e9 /
                                                       static_cast<double>(elapsed_ns))
                              : "-"});
  }
  context.out.write(table.text(terminal_size(context.out.fd()).columns));
}

void write_side(view::JsonWriter& json, const UdpFlow::Side& side) {
  json.begin_object();
  json.key("packets").unsigned_integer(side.packets);
  json.key("data_bytes").unsigned_integer(side.bytes);
  json.key("wire_bytes").unsigned_integer(side.wire_bytes);
  json.key("largest_data_bytes").unsigned_integer(side.largest);
  json.key("longest_gap_seconds").real(static_cast<double>(side.longest_gap_ns) / 1e9);
  json.end_object();
}

void write_members(view::JsonWriter& json, const UdpFlow& flow, std::size_t index) {
  json.key("flow").unsigned_integer(index + 1);
  json.key("host_a").string(host(flow, 0));
  json.key("host_b").string(host(flow, 1));
  json.key("protocol").string(network::udp_protocol_name(flow));
  json.key("first_packet_ns").integer(flow.first_ns);
  json.key("last_packet_ns").integer(flow.last_ns);
  json.key("a2b");
  write_side(json, flow.sides[0]);
  json.key("b2a");
  write_side(json, flow.sides[1]);
}

void write_json(Context& context, const network::UdpFlows& flows, const std::vector<std::size_t>& shown,
                bool as_stream) {
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string(kSchema);
  if (!as_stream) {
    json.key("datagrams").unsigned_integer(flows.packets());
    json.key("flows").begin_array();
  }
  for (const std::size_t index : shown) {
    if (as_stream) {
      view::JsonWriter line;
      line.begin_object();
      line.key("schema").string(kSchema);
      write_members(line, flows.all()[index], index);
      line.end_object();
      context.out.write(line.take() + '\n');
      continue;
    }
    json.begin_object();
    write_members(json, flows.all()[index], index);
    json.end_object();
  }
  if (as_stream) return;
  json.end_array();
  json.end_object();
  context.out.write(json.take() + '\n');
}

void write_csv(Context& context, const network::UdpFlows& flows, const std::vector<std::size_t>& shown) {
  view::CsvWriter csv;
  csv.head({"flow", "host_a", "host_b", "protocol", "first_packet_ns", "last_packet_ns", "packets_a2b",
            "packets_b2a", "data_bytes_a2b", "data_bytes_b2a", "wire_bytes_a2b", "wire_bytes_b2a"});
  for (const std::size_t index : shown) {
    const UdpFlow& flow = flows.all()[index];
    csv.unsigned_integer(index + 1)
        .text(host(flow, 0))
        .text(host(flow, 1))
        .text(network::udp_protocol_name(flow));
    csv.integer(flow.first_ns).integer(flow.last_ns);
    csv.unsigned_integer(flow.sides[0].packets).unsigned_integer(flow.sides[1].packets);
    csv.unsigned_integer(flow.sides[0].bytes).unsigned_integer(flow.sides[1].bytes);
    csv.unsigned_integer(flow.sides[0].wire_bytes).unsigned_integer(flow.sides[1].wire_bytes);
    csv.end_row();
  }
  context.out.write(csv.take());
}

}  // namespace

void write_udp_flows(Context& context, Format format, const network::UdpFlows& flows, const CaptureRun& run,
                     const std::vector<NumberRange>& only, const std::string& sort, std::size_t top) {
  const std::vector<std::size_t> shown = select(flows, only, sort, top);
  switch (format) {
    case Format::table:
      write_table(context, flows, run, shown);
      break;
    case Format::json:
    case Format::json_stream:
      write_json(context, flows, shown, format == Format::json_stream);
      break;
    case Format::csv:
      write_csv(context, flows, shown);
      break;
  }
  context.out.flush();
  if (flows.left_out() > 0)
    context.note(fmt::format("{} datagrams are left out: of more flows than can be kept, or cut too short",
                             flows.left_out()));
}

}  // namespace isotach::command
