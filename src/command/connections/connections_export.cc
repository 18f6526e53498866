#include <algorithm>
#include <functional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/units.h"
#include "command/connections/connections_view.h"
#include "network/connections/field_text.h"
#include "network/connections/fields.h"
#include "view/export/csv_writer.h"
#include "view/export/json_writer.h"

namespace isotach::command {
namespace {

using network::Connection;
using network::Direction;
using network::FieldValue;

constexpr std::string_view kSchema = "isotach.connections.v1";
constexpr double kMillisecondNs = 1e6;
// Of CSV, made by one thread at a time: little enough to stay in the cache until it is written.
constexpr std::size_t kPieceRows = 512;

// As tcptrace says it.
const char* complete_text(const Connection& connection) {
  switch (connection.state()) {
    case network::ConnectionState::complete:
      return "yes";
    case network::ConnectionState::reset:
      return "RESET";
    case network::ConnectionState::incomplete:
      break;
  }
  return "no";
}

std::string host_a(const Connection& connection) {
  return network::endpoint_text(connection.key.source_address(), connection.key.source_port);
}

std::string host_b(const Connection& connection) {
  return network::endpoint_text(connection.key.destination_address(), connection.key.destination_port);
}

void write_value(view::JsonWriter& json, const FieldValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    json.string(*text);
  } else if (const auto* count = std::get_if<std::uint64_t>(&value)) {
    json.unsigned_integer(*count);
  } else if (const auto* real = std::get_if<double>(&value)) {
    json.real(*real);
  } else {
    json.null();
  }
}

void write_direction(view::JsonWriter& json, const Connection& connection, const Direction& direction) {
  json.begin_object();
  for (const network::DirectionField& field : network::direction_fields()) {
    json.key(field.name);
    write_value(json, field.value(connection, direction));
  }
  json.end_object();
}

void write_limits(view::JsonWriter& json, const Connection& connection, std::size_t index, int side,
                  const network::LimitObserver& limits) {
  const network::LimitShares* shares = limits.shares(index, side);
  if (shares == nullptr || !shares->is_known()) {
    json.null();
    return;
  }
  json.begin_object();
  json.key("limit").string(network::limit_key(shares->verdict()));
  json.key("evidence").string(network::limit_evidence(shares->verdict(), *shares, connection, side));
  json.key("seconds").real(static_cast<double>(shares->span_ns()) / 1e9);
  json.key("shares").begin_object();
  for (std::size_t i = 0; i < network::kLimits; ++i) {
    const auto limit = static_cast<network::Limit>(i);
    json.key(network::limit_key(limit)).real(shares->share(limit));
  }
  json.end_object();
  json.end_object();
}

void write_members(view::JsonWriter& json, const Connection& connection, std::size_t index,
                   const network::HostName& name, const network::LimitObserver* limits) {
  json.key("conn").unsigned_integer(index + 1);
  json.key("host_a").string(host_a(connection));
  json.key("host_b").string(host_b(connection));
  json.key("name");
  if (name.source == network::NameSource::none) {
    json.null();
  } else {
    json.string(name.name);
  }
  json.key("complete").string(complete_text(connection));
  json.key("first_packet").string(format_wall_time_utc(connection.first_ns));
  json.key("first_packet_ns").integer(connection.first_ns);
  json.key("last_packet_ns").integer(connection.last_ns);
  json.key("elapsed_seconds").real(static_cast<double>(connection.elapsed_ns()) / 1e9);
  json.key("total_packets").unsigned_integer(connection.packets());
  json.key("handshake_ms");
  if (connection.handshake_ns >= 0) {
    json.real(static_cast<double>(connection.handshake_ns) / kMillisecondNs);
  } else {
    json.null();
  }
  json.key("a2b");
  write_direction(json, connection, connection.a());
  json.key("b2a");
  write_direction(json, connection, connection.b());
  if (limits == nullptr) return;
  json.key("why_a2b");
  write_limits(json, connection, index, 0, *limits);
  json.key("why_b2a");
  write_limits(json, connection, index, 1, *limits);
}

void add_limit_heads(std::vector<std::string>& head) {
  for (const char* side : {"_a2b", "_b2a"}) {
    head.push_back(std::string("limit") + side);
    for (std::size_t i = 0; i < network::kLimits; ++i)
      head.push_back(std::string(network::limit_key(static_cast<network::Limit>(i))) + "_share" + side);
  }
}

void write_limits(view::CsvWriter& csv, std::size_t index, const network::LimitObserver& limits) {
  for (const int side : {0, 1}) {
    const network::LimitShares* shares = limits.shares(index, side);
    const bool known = shares != nullptr && shares->is_known();
    known ? csv.text(network::limit_key(shares->verdict())) : csv.empty();
    for (std::size_t i = 0; i < network::kLimits; ++i)
      known ? csv.real(shares->share(static_cast<network::Limit>(i))) : csv.empty();
  }
}

char* write_ends(char* at, const Connection& one) {
  at = network::write_endpoint(at, one.key.source_address(), one.key.source_port);
  *at++ = ',';
  return network::write_endpoint(at, one.key.destination_address(), one.key.destination_port);
}

void write_row(view::CsvWriter& csv, const Connection& one, std::size_t index, const std::string& name,
               const network::LimitObserver* limits) {
  csv.unsigned_integer(index + 1);
  csv.fields(2, network::kLongestEndpoint * 2 + 1, [&](char* at) { return write_ends(at, one); });
  csv.text(complete_text(one)).integer(one.first_ns).integer(one.last_ns).unsigned_integer(one.packets());
  if (one.handshake_ns >= 0) {
    csv.real(static_cast<double>(one.handshake_ns) / kMillisecondNs);
  } else {
    csv.empty();
  }
  csv.fields(network::field_text_count(), network::most_field_text(),
             [&](char* at) { return network::write_field_texts(at, one); });
  name.empty() ? csv.empty() : csv.text(name);
  if (limits != nullptr) write_limits(csv, index, *limits);
  csv.end_row();
}

}  // namespace

void write_connections_json(Output& out, const network::Tracker& tracker, const CaptureRun& run,
                            const Shown& shown, const network::HostNames& names,
                            const network::LimitObserver* limits) {
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string(kSchema);
  json.key("files").begin_array();
  for (const CaptureFile& file : run.files) {
    json.begin_object();
    json.key("name").string(file.name);
    json.key("format").string(file.format);
    json.key("frames").unsigned_integer(file.frames);
    json.key("damage");
    if (file.damage.empty()) {
      json.null();
    } else {
      json.string(file.damage);
    }
    json.end_object();
  }
  json.end_array();
  json.key("frames").unsigned_integer(run.counts.frames);
  json.key("bytes").unsigned_integer(run.counts.bytes);
  json.key("tcp_packets").unsigned_integer(tracker.packets());
  json.key("frames_not_ip").unsigned_integer(run.counts.not_ip);
  json.key("frames_malformed").unsigned_integer(run.counts.malformed);
  json.key("frames_of_unknown_link").unsigned_integer(run.counts.unknown_link);
  json.key("segments_too_short").unsigned_integer(tracker.too_short());
  json.key("interrupted").boolean(run.interrupted);
  json.key("connections").begin_array();
  for (const std::size_t index : shown) {
    if (!out.is_open()) return;
    json.begin_object();
    write_members(json, tracker[index], index, names.name(index), limits);
    json.end_object();
    out.write(json.take());
  }
  json.end_array();
  json.end_object();
  out.write(json.take() + '\n');
}

void write_connections_json_stream(Output& out, const network::Tracker& tracker, const Shown& shown,
                                   const network::HostNames& names, const network::LimitObserver* limits) {
  for (const std::size_t index : shown) {
    if (!out.is_open()) return;
    view::JsonWriter json;
    json.begin_object();
    json.key("schema").string(kSchema);
    write_members(json, tracker[index], index, names.name(index), limits);
    json.end_object();
    out.write(json.take() + '\n');
  }
}

void write_connections_csv(Output& out, const network::Tracker& tracker, const Shown& shown,
                           const network::HostNames& names, const network::LimitObserver* limits,
                           std::size_t threads) {
  std::vector<std::string> head = {"conn",          "host_a",          "host_b",
                                   "complete",      "first_packet_ns", "last_packet_ns",
                                   "total_packets", "handshake_ms"};
  for (const network::DirectionField& field : network::direction_fields()) {
    head.push_back(std::string(field.name) + "_a2b");
    head.push_back(std::string(field.name) + "_b2a");
  }
  head.emplace_back("name");
  if (limits != nullptr) add_limit_heads(head);
  // Pieces of the list, one for each thread, are made at the same time and written in their order.
  std::vector<view::CsvWriter> writers(std::max<std::size_t>(threads, 1));
  writers[0].head(head);
  const auto make_rows = [&](view::CsvWriter& csv, std::size_t begin) {
    const std::size_t end = std::min(begin + kPieceRows, shown.size());
    for (std::size_t i = begin; i < end; ++i)
      write_row(csv, tracker[shown[i]], shown[i], names.name(shown[i]).name, limits);
  };
  for (std::size_t begin = 0; out.is_open();) {
    std::vector<std::thread> crew;
    for (std::size_t k = 1; k < writers.size() && begin + k * kPieceRows < shown.size(); ++k)
      crew.emplace_back(make_rows, std::ref(writers[k]), begin + k * kPieceRows);
    make_rows(writers[0], begin);
    for (std::thread& thread : crew) thread.join();
    for (view::CsvWriter& csv : writers) {
      out.write(csv.written());
      csv.clear();
    }
    begin += writers.size() * kPieceRows;
    if (begin >= shown.size()) break;
  }
}

}  // namespace isotach::command
