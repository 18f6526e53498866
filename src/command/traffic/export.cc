#include "command/traffic/export.h"

#include <algorithm>

#include "base/units.h"
#include "command/traffic/options.h"

namespace isotach::command {
namespace {

using network::TrafficBy;
using network::TrafficGroup;
using network::TrafficSnapshot;
using view::JsonWriter;

std::optional<double> if_known(bool known, double value) {
  return known ? std::optional(value) : std::nullopt;
}

void put_counts(JsonWriter& json, const network::TwoWay& traffic) {
  json.key("in_bytes").unsigned_integer(traffic.in.bytes);
  json.key("out_bytes").unsigned_integer(traffic.out.bytes);
  json.key("in_packets").unsigned_integer(traffic.in.packets);
  json.key("out_packets").unsigned_integer(traffic.out.packets);
}

void put_rates(JsonWriter& json, const network::TwoWayRate& rate, bool known, const TrafficSpeeds& speeds) {
  json.key("in_bits_per_second").real(if_known(known, rate.in.bits_s()));
  json.key("out_bits_per_second").real(if_known(known, rate.out.bits_s()));
  json.key("in_packets_per_second").real(if_known(known, rate.in.packets_s));
  json.key("out_packets_per_second").real(if_known(known, rate.out.packets_s));
  json.key("peak_bits_per_second").real(speeds.peak_bits_s);
  json.key("mean_bits_per_second").real(speeds.mean_bits_s);
}

void put_attributes(JsonWriter& json, const std::vector<network::TrafficAttribute>& attributes) {
  for (const network::TrafficAttribute& attribute : attributes) {
    json.key(attribute.key);
    if (attribute.is_number) {
      json.value(attribute.number);
    } else if (attribute.text.empty()) {
      json.null();
    } else {
      json.string(attribute.text);
    }
  }
}

// The name of the other host, where names are looked up: of kinds that have one.
std::optional<network::IpAddress> remote_address(const TrafficSnapshot& snapshot, TrafficBy by,
                                                 const TrafficGroup& group) {
  if (by == TrafficBy::host) return snapshot.hosts[group.index].address;
  if (by == TrafficBy::flow && snapshot.flows[group.index].ip_version != 0)
    return snapshot.flows[group.index].remote;
  return std::nullopt;
}
bool has_remote(TrafficBy by) {
  return by == TrafficBy::host || by == TrafficBy::flow;
}

std::optional<std::string> remote_name(const TrafficSnapshot& snapshot, TrafficBy by,
                                       const TrafficGroup& group, HostNames* names) {
  const auto address = remote_address(snapshot, by, group);
  return names == nullptr || !address ? std::nullopt : names->name_of(address->text());
}

std::string list_key(TrafficBy by) {
  if (by == TrafficBy::vlan) return "vlans";
  if (by == TrafficBy::dscp) return "dscp";
  return std::string(network::traffic_by_plural(by));
}

TrafficListing listing_of(const TrafficReport& report, TrafficBy by) {
  TrafficListing listing;
  listing.by = by;
  listing.sort = report.sort;
  // Of these there are never many, and all of them are the sum.
  const bool few = by == TrafficBy::interface || by == TrafficBy::protocol || by == TrafficBy::size ||
                   by == TrafficBy::cast || by == TrafficBy::dscp;
  listing.rows = few ? 0 : report.top;
  listing.whole_run = report.whole_run;
  return listing;
}

void put_accounting(JsonWriter& json, const TrafficSnapshot& now) {
  const bool blind = now.method == network::TrafficMethod::counters;
  json.key("accounting").begin_object();
  const network::TwoWay counted = now.counted();
  const auto count = [&](std::string_view key, std::uint64_t value) {
    json.key(key);
    if (blind) {
      json.null();
    } else {
      json.unsigned_integer(value);
    }
  };
  count("counted_packets", counted.packets());
  count("counted_bytes", counted.bytes());
  const network::TwoWay in_flows = now.in_flows();
  count("in_flows_packets", in_flows.packets());
  count("in_flows_bytes", in_flows.bytes());
  count("ended_flows_packets", now.flows_rest.ended.packets());
  count("other_packets", now.flows_rest.overflow.packets());
  count("other_bytes", now.flows_rest.overflow.bytes());
  const auto unaccounted = unaccounted_packets(now);
  json.key("not_accounted_packets").value(unaccounted ? Value::of(*unaccounted) : Value());
  std::uint64_t dropped = 0;
  for (const network::InterfaceTraffic& interface : now.interfaces) dropped += interface.dropped;
  json.key("source_dropped_packets").unsigned_integer(dropped);
  json.key("source_cpu_ns").unsigned_integer(now.cost_ns);
  json.end_object();
}

void put_list(JsonWriter& json, const TrafficSession& session, const TrafficReport& report, TrafficBy by,
              bool rates_known, HostNames* names) {
  const TrafficSelection selection = select_traffic(session, listing_of(report, by), names);
  json.key(list_key(by)).begin_array();
  for (const TrafficGroup& group : selection.groups) {
    json.begin_object();
    put_attributes(json, network::traffic_attributes(session.now(), by, group));
    if (has_remote(by) && names != nullptr) {
      json.key("remote_name");
      if (const auto name = remote_name(session.now(), by, group, names)) {
        json.string(*name);
      } else {
        json.null();
      }
    }
    put_counts(json, group.traffic);
    put_rates(json, group.rate, rates_known, session.speeds(by, group));
    json.end_object();
  }
  json.end_array();
}

}  // namespace

TrafficReport traffic_report_of(const TrafficCommandOptions& options, Format format) {
  TrafficReport report;
  report.sort = options.sort;
  report.bys = options.bys;
  report.whole_run = format == Format::table || format == Format::json;
  report.top = options.top.value_or(format == Format::table ? 10 : format == Format::csv ? 0 : 100);
  if (!report.bys.empty()) return report;
  if (format == Format::csv) {
    report.bys = {TrafficBy::interface};
  } else if (format == Format::table) {
    report.bys = {TrafficBy::interface, TrafficBy::protocol, TrafficBy::flow, TrafficBy::host,
                  TrafficBy::process,   TrafficBy::port,     TrafficBy::size};
  } else {
    for (std::size_t i = 0; i < network::kTrafficBys; ++i) report.bys.push_back(static_cast<TrafficBy>(i));
  }
  return report;
}

void write_traffic_json(JsonWriter& json, const TrafficSession& session, const TrafficReport& report,
                        HostNames* names) {
  const TrafficSnapshot& now = session.now();
  const auto whole = report.whole_run ? session.whole_rates() : std::nullopt;
  const network::TrafficRates* rates = whole ? &*whole : session.rates();
  json.begin_object();
  json.key("schema").string("isotach.traffic.v1");
  json.key("time").string(format_wall_time_utc(now.time.wall_ns));
  json.key("monotonic_ns").integer(now.time.monotonic_ns);
  json.key("running_ns").integer(now.time.monotonic_ns - session.first().time.monotonic_ns);
  json.key("interval_ns")
      .integer(rates == nullptr ? 0 : static_cast<std::int64_t>(rates->seconds * 1e9 + 0.5));
  if (report.interrupted) json.key("interrupted").boolean(true);
  json.key("source").string(network::method_name(now.method));
  json.key("reason").string(now.reason);
  json.key("remedy").string(now.remedy);
  json.key("missing").begin_array();
  for (const std::string& sentence : now.missing) json.string(sentence);
  json.end_array();
  json.key("filter").string(now.filter);
  json.key("total").begin_object();
  put_counts(json, network::traffic_total(now));
  put_rates(json, rates == nullptr ? network::TwoWayRate{} : network::traffic_total_rate(now, *rates),
            rates != nullptr, session.total_speeds());
  json.end_object();
  put_accounting(json, now);
  json.key("known").begin_object();
  json.key("flows").unsigned_integer(now.flows.size());
  json.key("flows_seen").unsigned_integer(now.flows_seen);
  json.key("hosts").unsigned_integer(now.hosts.size());
  json.key("stations").unsigned_integer(now.stations.size());
  json.key("ports").unsigned_integer(now.services.size());
  json.end_object();
  for (const TrafficBy by : report.bys) put_list(json, session, report, by, rates != nullptr, names);
  json.end_object();
}

void write_traffic_csv_head(view::CsvWriter& csv, TrafficBy by) {
  std::vector<std::string> head = {"time"};
  TrafficSnapshot example;
  example.flows.resize(1);
  example.interfaces.resize(1);
  example.hosts.resize(1);
  example.stations.resize(1);
  example.services.resize(1);
  example.owners.resize(2);
  example.vlans.resize(1);
  for (const network::TrafficAttribute& attribute : network::traffic_attributes(example, by, {}))
    head.emplace_back(attribute.key);
  if (has_remote(by)) head.emplace_back("remote_name");
  for (const char* name :
       {"in_bytes", "out_bytes", "in_packets", "out_packets", "in_bits_per_second", "out_bits_per_second",
        "in_packets_per_second", "out_packets_per_second", "peak_bits_per_second", "mean_bits_per_second"})
    head.emplace_back(name);
  csv.head(head);
}

void write_traffic_csv(view::CsvWriter& csv, const TrafficSession& session, const TrafficReport& report,
                       HostNames* names) {
  const TrafficSnapshot& now = session.now();
  const TrafficBy by = report.bys.front();
  const std::string time = format_wall_time_utc(now.time.wall_ns);
  const bool known = session.rates() != nullptr;
  for (const TrafficGroup& group : select_traffic(session, listing_of(report, by), names).groups) {
    csv.text(time);
    for (const network::TrafficAttribute& attribute : network::traffic_attributes(now, by, group)) {
      if (attribute.is_number) {
        csv.value(attribute.number);
      } else {
        csv.text(attribute.text);
      }
    }
    if (has_remote(by)) csv.text(remote_name(now, by, group, names).value_or(""));
    csv.unsigned_integer(group.traffic.in.bytes).unsigned_integer(group.traffic.out.bytes);
    csv.unsigned_integer(group.traffic.in.packets).unsigned_integer(group.traffic.out.packets);
    csv.real(if_known(known, group.rate.in.bits_s())).real(if_known(known, group.rate.out.bits_s()));
    csv.real(if_known(known, group.rate.in.packets_s)).real(if_known(known, group.rate.out.packets_s));
    const TrafficSpeeds speeds = session.speeds(by, group);
    csv.real(speeds.peak_bits_s).real(speeds.mean_bits_s);
    csv.end_row();
  }
}

}  // namespace isotach::command
