// isotach link as JSON and CSV.
#include "base/units.h"
#include "command/link/link_sample.h"
#include "network/link/module.h"
#include "network/link/rates.h"

namespace isotach::command {
namespace {

using kernel::EthtoolGroup;
using network::Link;
using view::JsonWriter;

void put_text(JsonWriter& json, std::string_view key, const std::string& text) {
  json.key(key);
  if (text.empty()) {
    json.null();
  } else {
    json.string(text);
  }
}

void put_modes(JsonWriter& json, std::string_view key, const kernel::LinkModeSet& modes) {
  json.key(key).begin_array();
  for (const std::string& name : kernel::link_mode_names(modes)) json.string(name);
  json.end_array();
}

void put_numbers(JsonWriter& json, std::string_view key, const std::vector<kernel::NamedNumber>& numbers) {
  json.key(key).begin_array();
  for (const kernel::NamedNumber& number : numbers) {
    json.begin_object();
    json.key("name").string(number.name);
    json.key("value").unsigned_integer(number.value);
    json.end_object();
  }
  json.end_array();
}

// Speed, duplex and autonegotiation are null where the driver does not tell.
void put_speed(JsonWriter& json, const Link& link) {
  json.key("speed_mbit_s");
  if (link.modes && link.modes->speed_mbit_s) {
    json.unsigned_integer(*link.modes->speed_mbit_s);
  } else {
    json.null();
  }
  const bool known = link.modes && link.modes->duplex != kernel::Duplex::unknown;
  put_text(json, "duplex", known ? std::string(kernel::duplex_name(link.modes->duplex)) : std::string());
  json.key("autonegotiation");
  if (link.modes && link.modes->autonegotiation) {
    json.boolean(*link.modes->autonegotiation);
  } else {
    json.null();
  }
  if (!link.modes) return;
  put_modes(json, "supported", link.modes->supported);
  put_modes(json, "advertised", link.modes->advertised);
  put_modes(json, "partner", link.modes->partner);
}

void put_group(JsonWriter& json, EthtoolGroup group, const Result<kernel::GroupReading>& reading) {
  const kernel::EthtoolGroupInfo& info = kernel::ethtool_group(group);
  json.key(info.name);
  if (!reading) {
    json.null();
    return;
  }
  json.begin_object();
  for (std::size_t i = 0; i < info.fields.size(); ++i) {
    const Value& value = reading->values[i];
    json.key(info.fields[i].name);
    if (info.name == "port" && info.fields[i].name == "port" && !value.is_missing()) {
      json.string(port_name(value.as_unsigned()));
    } else if (info.fields[i].is_switch && !value.is_missing()) {
      json.boolean(value.as_unsigned() != 0);
    } else {
      json.value(value);
    }
  }
  if (group == EthtoolGroup::eee) {
    put_modes(json, "advertised", reading->ours);
    put_modes(json, "partner", reading->partner);
  }
  if (group == EthtoolGroup::fec) put_modes(json, "configured", reading->ours);
  json.end_object();
}

void put_details(JsonWriter& json, const network::LinkDetails& details) {
  json.key("driver_info");
  if (details.driver) {
    json.begin_object();
    json.key("name").string(details.driver->name);
    json.key("version").string(details.driver->version);
    json.key("firmware").string(details.driver->firmware);
    json.key("bus").string(details.driver->bus);
    json.end_object();
  } else {
    json.null();
  }
  for (std::size_t group = 0; group < kernel::kEthtoolGroupCount; ++group)
    put_group(json, static_cast<EthtoolGroup>(group), details.groups[group]);
  json.key("features").begin_array();
  if (details.features)
    for (const kernel::Feature& feature : *details.features) {
      json.begin_object();
      json.key("name").string(feature.name);
      json.key("active").boolean(feature.active);
      json.key("requested").boolean(feature.requested);
      json.key("fixed").boolean(feature.fixed);
      json.end_object();
    }
  json.end_array();
  json.key("module");
  if (const auto info = details.module ? network::parse_module(*details.module) : std::nullopt) {
    json.begin_object();
    json.key("kind").string(info->kind);
    json.key("vendor").string(info->vendor);
    json.key("part").string(info->part);
    json.key("revision").string(info->revision);
    json.key("serial").string(info->serial);
    json.end_object();
  } else {
    json.null();
  }
  put_numbers(json, "standard_statistics", details.standard.value_or(std::vector<kernel::NamedNumber>()));
  put_numbers(json, "driver_statistics", details.statistics.value_or(std::vector<kernel::NamedNumber>()));
}

void put_link(JsonWriter& json, const LinkSample& sample, const Link& link) {
  json.begin_object();
  json.key("name").string(link.route.name);
  json.key("index").unsigned_integer(link.route.index);
  put_text(json, "driver", link.driver);
  put_text(json, "kind", link.route.kind);
  json.key("state").string(link_state(link));
  put_text(json, "address", link.route.address);
  json.key("mtu").unsigned_integer(link.route.mtu);
  const Link* master = link.route.master == 0 ? nullptr : network::find_link(sample.now, link.route.master);
  put_text(json, "master", master == nullptr ? std::string() : master->route.name);
  put_speed(json, link);
  const network::LinkRates rates = network::rates_between(sample.before, sample.now, link);
  json.key("rx_bits_per_second").real(rates.rx_bits_s);
  json.key("tx_bits_per_second").real(rates.tx_bits_s);
  json.key("rx_packets_per_second").real(rates.rx_packets_s);
  json.key("tx_packets_per_second").real(rates.tx_packets_s);
  json.key("used_ratio").real(rates.share);
  json.key("counters");
  if (link.route.counters_told) {
    json.begin_object();
    for (std::size_t i = 0; i < kernel::kLinkCounterCount; ++i)
      json.key(kernel::link_counter_name(static_cast<kernel::LinkCounter>(i)))
          .unsigned_integer(link.route.counters[i]);
    json.end_object();
  } else {
    json.null();
  }
  if (sample.details) put_details(json, *sample.details);
  json.end_object();
}

}  // namespace

void write_link_json(JsonWriter& json, const LinkSample& sample) {
  json.begin_object();
  json.key("schema").string("isotach.link.v1");
  json.key("time").string(format_wall_time_utc(sample.now.time.wall_ns));
  json.key("monotonic_ns").integer(sample.now.time.monotonic_ns);
  json.key("elapsed_ns").integer(sample.now.time.monotonic_ns - sample.before.time.monotonic_ns);
  json.key("interfaces").begin_array();
  for (const Link& link : sample.now.links)
    if (sample.only.empty() || link.route.name == sample.only) put_link(json, sample, link);
  json.end_array();
  json.end_object();
}

void write_link_csv_head(view::CsvWriter& csv) {
  csv.head({"time", "interface", "driver", "state", "speed_mbit_s", "duplex", "autonegotiation", "mtu",
            "rx_bits_per_second", "tx_bits_per_second", "used_ratio", "rx_bytes", "tx_bytes", "rx_packets",
            "tx_packets", "rx_errors", "tx_errors", "rx_dropped", "tx_dropped"});
}

void write_link_csv(view::CsvWriter& csv, const LinkSample& sample) {
  using kernel::LinkCounter;
  for (const Link& link : sample.now.links) {
    if (!sample.only.empty() && link.route.name != sample.only) continue;
    csv.text(format_wall_time_utc(sample.now.time.wall_ns)).text(link.route.name).text(link.driver);
    csv.text(link_state(link));
    if (link.modes && link.modes->speed_mbit_s) {
      csv.unsigned_integer(*link.modes->speed_mbit_s);
    } else {
      csv.empty();
    }
    const bool known = link.modes && link.modes->duplex != kernel::Duplex::unknown;
    csv.text(known ? kernel::duplex_name(link.modes->duplex) : "");
    const bool told = link.modes && link.modes->autonegotiation;
    csv.text(!told ? "" : *link.modes->autonegotiation ? "on" : "off");
    csv.unsigned_integer(link.route.mtu);
    const network::LinkRates rates = network::rates_between(sample.before, sample.now, link);
    csv.real(rates.rx_bits_s).real(rates.tx_bits_s).real(rates.share);
    for (const LinkCounter counter :
         {LinkCounter::rx_bytes, LinkCounter::tx_bytes, LinkCounter::rx_packets, LinkCounter::tx_packets,
          LinkCounter::rx_errors, LinkCounter::tx_errors, LinkCounter::rx_dropped, LinkCounter::tx_dropped}) {
      if (link.route.counters_told) {
        csv.unsigned_integer(link.route[counter]);
      } else {
        csv.empty();
      }
    }
    csv.end_row();
  }
}

}  // namespace isotach::command
