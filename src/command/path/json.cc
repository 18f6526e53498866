#include "command/path/output.h"
#include "view/export/json_writer.h"

namespace isotach::command {
namespace {

using view::JsonWriter;

void write_estimate(JsonWriter& json, const char* key, const path::Estimate& estimate) {
  json.key(key).begin_object();
  json.key("bps").real(estimate.value);
  json.key("low_bps").real(estimate.low);
  json.key("high_bps").real(estimate.high);
  json.end_object();
}

void write_delays(JsonWriter& json, const char* key, const path::DelayFacts& facts) {
  json.key(key).begin_object();
  json.key("sent").unsigned_integer(facts.sent);
  json.key("answered").unsigned_integer(facts.answered);
  const auto number = [&](const char* name, double value) {
    json.key(name);
    facts.answered > 0 ? json.real(value) : json.null();
  };
  number("rtt_min_ns", facts.rtt_min_ns);
  number("rtt_p50_ns", facts.rtt_p50_ns);
  number("rtt_p90_ns", facts.rtt_p90_ns);
  number("rtt_p99_ns", facts.rtt_p99_ns);
  number("rtt_max_ns", facts.rtt_max_ns);
  number("forth_variation_ns", facts.forth_variation_ns);
  number("back_variation_ns", facts.back_variation_ns);
  json.end_object();
}

void write_capacity(JsonWriter& json, const path::PathReport& report) {
  if (!report.capacity) {
    json.key("capacity").null();
    return;
  }
  write_estimate(json, "capacity", report.capacity->bps);
  json.key("capacity_method").begin_object();
  json.key("spacing_packets").unsigned_integer(report.capacity->spacing);
  json.key("spread").real(report.capacity->spread);
  json.key("samples").unsigned_integer(report.capacity->samples);
  json.key("seconds").real(report.capacity_seconds);
  json.key("bytes").unsigned_integer(report.capacity_bytes);
  json.end_object();
}

void write_available(JsonWriter& json, const path::PathReport& report) {
  if (!report.available) {
    json.key("available").null();
    return;
  }
  write_estimate(json, "available", report.available->bps);
  json.key("available_method").begin_object();
  json.key("least_bps").real(report.available->least_bps);
  json.key("most_bps").real(report.available->most_bps);
  json.key("tight_bps").real(report.available->tight_bps);
  json.key("streams").unsigned_integer(report.available->streams);
  json.key("seconds").real(report.available_seconds);
  json.end_object();
}

void write_transfer(JsonWriter& json, const path::PathReport& report) {
  json.key("tcp");
  if (!report.transfer) {
    json.null();
    return;
  }
  const path::Transfer& transfer = *report.transfer;
  json.begin_object();
  json.key("bps").real(transfer.bps);
  json.key("seconds").real(transfer.seconds);
  json.key("bytes").unsigned_integer(transfer.bytes);
  json.key("retransmits").unsigned_integer(transfer.retransmits);
  json.key("congestion").string(transfer.congestion);
  json.key("window_limited").real(transfer.window_limited);
  json.key("buffer_limited").real(transfer.buffer_limited);
  write_delays(json, "loaded", transfer.loaded);
  json.end_object();
}

void write_packets(JsonWriter& json, const path::PathReport& report) {
  json.key("packets").begin_object();
  json.key("sent").unsigned_integer(report.losses.sent);
  json.key("arrived").unsigned_integer(report.losses.arrived);
  json.key("lost").unsigned_integer(report.losses.lost);
  json.key("duplicates").unsigned_integer(report.losses.duplicates);
  json.key("reordered").unsigned_integer(report.losses.reordered);
  json.key("reorder_extent").unsigned_integer(report.losses.reorder_extent);
  json.key("dropped_by_socket").unsigned_integer(report.losses.dropped_by_socket);
  json.end_object();
  json.key("mtu").begin_object();
  json.key("bytes").integer(report.mtu.bytes);
  json.key("interface_bytes").integer(report.mtu.interface_bytes);
  json.key("limit").string(report.mtu.limit == path::MtuLimit::none   ? "none"
                           : report.mtu.limit == path::MtuLimit::told ? "told"
                                                                      : "black_hole");
  json.end_object();
  json.key("bits").begin_object();
  json.key("known").boolean(report.bits.known);
  json.key("sent_tos").integer(report.bits.sent_tos);
  json.key("arrived_tos").integer(report.bits.arrived_tos);
  json.key("ecn_bleached").boolean(report.bits.ecn_bleached());
  json.key("dscp_changed").boolean(report.bits.dscp_changed());
  json.end_object();
  json.key("probing").begin_object();
  json.key("bytes").unsigned_integer(report.probing.bytes);
  json.key("packets").unsigned_integer(report.probing.packets);
  json.key("peak_bps").real(report.probing.peak_bps);
  json.end_object();
}

void write_advice(JsonWriter& json, const path::HostTcp& host, const path::Advice& advice) {
  json.key("advice").begin_object();
  json.key("bdp_bytes").real(advice.bdp_bytes);
  json.key("buffer_bytes").real(advice.buffer_bytes);
  json.key("congestion").string(host.congestion);
  json.key("caps").begin_array();
  for (const path::Cap& cap : advice.caps) {
    json.begin_object();
    json.key("by").string(cap.by);
    json.key("window_bytes").real(cap.window_bytes);
    json.key("bps").real(cap.bps);
    json.end_object();
  }
  json.end_array();
  json.key("changes").begin_array();
  for (const path::Change& change : advice.changes) {
    json.begin_object();
    json.key("command").string(change.command);
    json.key("from_bps").real(change.from_bps);
    json.key("to_bps").real(change.to_bps);
    json.key("why").string(change.why);
    json.end_object();
  }
  json.end_array();
  json.key("write_bytes").unsigned_integer(advice.write_bytes);
  json.key("streams").integer(advice.streams);
  json.key("notes").begin_array();
  for (const std::string& note : advice.notes) json.string(note);
  json.end_array();
  json.end_object();
}

// What was measured of one direction.
void write_way(JsonWriter& json, const path::PathReport& report) {
  json.key("direction").string(report.direction == path::Direction::to_peer ? "to_peer" : "from_peer");
  write_capacity(json, report);
  write_available(json, report);
  write_transfer(json, report);
  write_delays(json, "idle", report.idle);
  write_packets(json, report);
}

void write_remarks(JsonWriter& json, const path::PathReport& report) {
  json.key("remarks").begin_array();
  for (const std::string& remark : report.remarks) json.string(remark);
  json.end_array();
}

}  // namespace

std::string path_json(const path::PathReport& report, const path::HostTcp& host, const path::Advice& advice) {
  JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.path.v1");
  json.key("local").string(report.local.host());
  json.key("peer").string(report.peer.host());
  json.key("interface").string(report.interface);
  write_way(json, report);
  write_advice(json, host, advice);
  write_remarks(json, report);
  if (report.reverse) {
    json.key("reverse").begin_object();
    write_way(json, *report.reverse);
    write_remarks(json, *report.reverse);
    json.end_object();
  }
  json.end_object();
  return json.take() + '\n';
}

std::string hops_json(const path::HopReport& report) {
  JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.path-hops.v1");
  json.key("target").string(report.target.host());
  json.key("reached").boolean(report.reached);
  json.key("hops").begin_array();
  for (const path::Hop& hop : report.hops) {
    const bool known = hop.answered > 0;
    const auto number = [&](const char* key, double value) {
      json.key(key);
      known ? json.real(value) : json.null();
    };
    json.begin_object();
    json.key("hop").integer(hop.number);
    json.key("address");
    known ? json.string(hop.address) : json.null();
    json.key("target").boolean(hop.is_target);
    json.key("sent").unsigned_integer(hop.sent);
    json.key("answered").unsigned_integer(hop.answered);
    number("rtt_min_ns", hop.rtt_min_ns);
    number("rtt_p50_ns", hop.rtt_p50_ns);
    number("rtt_p90_ns", hop.rtt_p90_ns);
    number("queueing_ns", hop.queueing_ns);
    json.key("link_bps").real(hop.link_bps);
    json.key("link_low_bps").real(hop.link_low_bps);
    json.key("link_high_bps").real(hop.link_high_bps);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.take() + '\n';
}

}  // namespace isotach::command
