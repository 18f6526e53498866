#include "command/lab/net_output.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/units.h"
#include "view/export/json_writer.h"

namespace isotach::command {
namespace {

constexpr std::array<std::string_view, 2> kDirections = {"ab", "ba"};

std::string_view cross_name(emulator::CrossModel model) {
  switch (model) {
    case emulator::CrossModel::off:
      return "off";
    case emulator::CrossModel::cbr:
      return "cbr";
    case emulator::CrossModel::poisson:
      return "poisson";
    case emulator::CrossModel::pareto:
      break;
  }
  return "pareto";
}

void write_counters(view::JsonWriter& json, const emulator::WayCounters& counters) {
  const auto number = [&](const char* key, std::uint64_t value) { json.key(key).unsigned_integer(value); };
  number("packets", counters.packets);
  number("bytes", counters.bytes);
  number("delivered", counters.delivered);
  number("delivered_bytes", counters.delivered_bytes);
  number("dropped_queue", counters.dropped_queue);
  number("dropped_loss", counters.dropped_loss);
  number("dropped_police", counters.dropped_police);
  number("dropped_too_big", counters.dropped_too_big);
  number("collided", counters.collided);
  number("marked", counters.marked);
  number("bleached", counters.bleached);
  number("reordered", counters.reordered);
  number("duplicated", counters.duplicated);
  number("cross_offered_bytes", counters.cross_offered_bytes);
  number("cross_packets", counters.cross_packets);
  number("cross_bytes", counters.cross_bytes);
  number("cross_dropped", counters.cross_dropped);
  json.key("busy_ns").real(counters.busy_ns);
  json.key("queue_most_bytes").real(counters.queue_most_bytes);
}

void write_links(view::JsonWriter& json, const emulator::Statistics& statistics) {
  json.key("links").begin_array();
  for (std::size_t i = 0; i < statistics.links.size(); ++i) {
    for (std::size_t way = 0; way < kDirections.size(); ++way) {
      const emulator::WaySettings& settings = statistics.links[i].settings[way];
      json.begin_object();
      json.key("link").unsigned_integer(i + 1);
      json.key("direction").string(kDirections[way]);
      json.key("rate_bps").real(settings.rate_bps);
      json.key("delay_ns").real(settings.delay_ns);
      json.key("mtu_bytes").integer(settings.mtu_bytes);
      json.key("cross").string(cross_name(settings.cross.model));
      json.key("cross_rate_bps").real(settings.cross.rate_bps);
      write_counters(json, statistics.links[i].ways[way]);
      json.end_object();
    }
  }
  json.end_array();
}

std::string duration(double ns) {
  return ns > 0 ? format_duration_ns(ns) : "0";
}

}  // namespace

std::string net_json(const std::string& name, const emulator::Statistics& statistics) {
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.lab-net.v1");
  json.key("name").string(name);
  json.key("pid").integer(::getpid());
  json.key("time_ns").real(statistics.time_ns);
  json.key("on_the_way").unsigned_integer(statistics.on_the_way);
  json.key("no_memory").unsigned_integer(statistics.no_memory);
  json.key("cpu_ns").real(statistics.cpu_ns);
  json.key("lateness_ns").begin_object();
  json.key("count").unsigned_integer(statistics.lateness_ns.count());
  json.key("p50").unsigned_integer(statistics.lateness_ns.quantile(0.5));
  json.key("p90").unsigned_integer(statistics.lateness_ns.quantile(0.9));
  json.key("p99").unsigned_integer(statistics.lateness_ns.quantile(0.99));
  json.key("max").unsigned_integer(statistics.lateness_ns.maximum());
  json.end_object();
  json.key("ports").begin_array();
  for (const emulator::PortStatistics& port : statistics.ports) {
    json.begin_object();
    json.key("host").string(port.host);
    json.key("received").unsigned_integer(port.received);
    json.key("sent").unsigned_integer(port.sent);
    json.key("not_sent").unsigned_integer(port.not_sent);
    json.key("ring_dropped").unsigned_integer(port.ring_dropped);
    json.key("capture_lost").unsigned_integer(port.capture_lost);
    json.end_object();
  }
  json.end_array();
  write_links(json, statistics);
  json.end_object();
  return json.take() + '\n';
}

std::string net_text(const std::string& name, const emulator::Loop& loop,
                     const emulator::Statistics& statistics) {
  std::string text = fmt::format("{}: up for {}, {} packets on the way\n", name,
                                 format_duration_ns(statistics.time_ns), statistics.on_the_way);
  for (const emulator::Host& host : loop.path().hosts())
    text += fmt::format("  host {:<3} {} {}\n", host.name, address_text(host.address, false),
                        address_text(host.address, true));
  text += fmt::format("\n{:<6}{:>14}{:>10}{:>10}{:>10}{:>9}{:>9}{:>9}{:>9}{:>9}\n", "link", "rate", "delay",
                      "packets", "queue", "loss", "police", "too big", "late", "twice");
  for (std::size_t i = 0; i < statistics.links.size(); ++i) {
    for (std::size_t way = 0; way < kDirections.size(); ++way) {
      const emulator::WaySettings& settings = statistics.links[i].settings[way];
      const emulator::WayCounters& counters = statistics.links[i].ways[way];
      text += fmt::format(
          "{} {:<4}{:>14}{:>10}{:>10}{:>10}{:>9}{:>9}{:>9}{:>9}{:>9}\n", i + 1, kDirections[way],
          settings.rate_bps > 0 ? format_bits_per_second(settings.rate_bps) : "no limit",
          duration(settings.delay_ns), counters.packets, counters.dropped_queue, counters.dropped_loss,
          counters.dropped_police, counters.dropped_too_big, counters.reordered, counters.duplicated);
    }
  }
  text += fmt::format("\npackets left the path late by {} (p50), {} (p99), {} at most\n",
                      format_duration_ns(static_cast<double>(statistics.lateness_ns.quantile(0.5))),
                      format_duration_ns(static_cast<double>(statistics.lateness_ns.quantile(0.99))),
                      format_duration_ns(static_cast<double>(statistics.lateness_ns.maximum())));
  return text;
}

}  // namespace isotach::command
