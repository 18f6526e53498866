// Tables of isotach link for people.
#include <fmt/format.h>

#include "base/text.h"
#include "base/units.h"
#include "command/link/link_sample.h"
#include "network/link/module.h"
#include "network/link/rates.h"

namespace isotach::command {
namespace {

using kernel::EthtoolGroup;
using kernel::LinkCounter;
using network::Link;
using view::Align;
using view::Style;

std::string speed_cell(const Link& link) {
  if (!link.modes) return "-";
  if (!link.modes->speed_mbit_s) return "unknown";
  return kernel::speed_text({*link.modes->speed_mbit_s, kernel::Duplex::unknown});
}

std::string autonegotiation_cell(const Link& link) {
  if (!link.modes || !link.modes->autonegotiation) return "-";
  return *link.modes->autonegotiation ? "on" : "off";
}

std::string rate_cell(const std::optional<double>& rate) {
  return rate ? format_bits_per_second(*rate) : "-";
}

std::string share_cell(const std::optional<double>& share) {
  return share ? format_quantity(*share, Unit::ratio) : "-";
}

std::string count_cell(const Link& link, LinkCounter receive, LinkCounter send) {
  return link.route.counters_told ? std::to_string(link.route[receive] + link.route[send]) : "-";
}

view::TableCell warned(std::string text, bool wrong) {
  return {std::move(text), wrong ? Style::warning : Style::plain};
}

std::string names_of(const kernel::LinkModeSet& modes) {
  std::string text;
  for (const std::string& name : kernel::link_mode_names(modes)) text += (text.empty() ? "" : " ") + name;
  return text.empty() ? "not told" : text;
}

// Words broken into lines; the first stands behind `label`.
void put_wrapped(view::Table& table, const std::string& label, const std::string& words, std::size_t width) {
  std::string line;
  std::string head = label;
  for (const std::string_view word : split_blanks(words)) {
    if (!line.empty() && line.size() + 1 + word.size() > width) {
      table.row({head, line});
      head.clear();
      line.clear();
    }
    line += (line.empty() ? "" : " ") + std::string(word);
  }
  if (!line.empty()) table.row({head, line});
}

view::Table pairs() {
  return view::Table({{"", Align::left}, {"", Align::left, 0, 10}});
}

void put_basics(view::Table& table, const LinkSample& sample, const Link& link, std::size_t width) {
  const kernel::RouteLink& route = link.route;
  const auto& driver = sample.details->driver;
  table.row({"driver", driver ? driver->name +
                                    (driver->firmware.empty() ? "" : ", firmware " + driver->firmware) +
                                    (driver->bus.empty() ? "" : ", at " + driver->bus)
                              : "not told"});
  table.row({"state", link_state(link) +
                          (route.carrier_changes
                               ? fmt::format(", the carrier has changed {} times", *route.carrier_changes)
                               : std::string())});
  table.row({"speed", speed_cell(link)});
  table.row({"duplex", link.modes ? std::string(kernel::duplex_name(link.modes->duplex)) : "-"});
  table.row({"autonegotiation", autonegotiation_cell(link)});
  if (link.modes) {
    put_wrapped(table, "supported", names_of(link.modes->supported), width);
    put_wrapped(table, "advertised", names_of(link.modes->advertised), width);
    put_wrapped(table, "partner offers", names_of(link.modes->partner), width);
  }
  table.row({"MTU", std::to_string(route.mtu)});
  if (!route.address.empty()) table.row({"address", route.address});
  if (!route.kind.empty()) table.row({"kind", route.kind});
  if (const Link* master = route.master == 0 ? nullptr : network::find_link(sample.now, route.master))
    table.row({"member of", master->route.name});
  const network::LinkRates rates = network::rates_between(sample.before, sample.now, link);
  table.row({"receives", rate_cell(rates.rx_bits_s)});
  table.row({"sends", rate_cell(rates.tx_bits_s)});
  table.row({"of its speed", share_cell(rates.share)});
}

void put_group(view::Table& table, const LinkSample& sample, EthtoolGroup group,
               std::vector<std::string>& lacking) {
  const kernel::EthtoolGroupInfo& info = kernel::ethtool_group(group);
  const auto& reading = sample.details->groups[static_cast<std::size_t>(group)];
  if (!reading) {
    lacking.emplace_back(info.title);
    return;
  }
  table.gap();
  table.row({{std::string(info.title), Style::title}, ""});
  for (std::size_t i = 0; i < info.fields.size(); ++i)
    if (!reading->values[i].is_missing())
      table.row({"  " + std::string(info.fields[i].label), field_text(group, i, reading->values[i])});
  if (group == EthtoolGroup::eee) {
    table.row({"  advertised", names_of(reading->ours)});
    table.row({"  partner offers", names_of(reading->partner)});
  }
  if (group == EthtoolGroup::fec) table.row({"  configured", names_of(reading->ours)});
}

void put_module(view::Table& table, const LinkSample& sample, std::vector<std::string>& lacking) {
  const auto& bytes = sample.details->module;
  const auto info = bytes ? network::parse_module(*bytes) : std::nullopt;
  if (!info) {
    lacking.emplace_back("module");
    return;
  }
  table.gap();
  table.row({{"module", Style::title}, ""});
  table.row({"  kind", info->kind});
  table.row({"  vendor", info->vendor});
  table.row({"  part", info->part + (info->revision.empty() ? "" : ", revision " + info->revision)});
  table.row({"  serial number", info->serial});
}

void put_features(view::Table& table, const LinkSample& sample, std::vector<std::string>& lacking) {
  const auto& features = sample.details->features;
  if (!features) {
    lacking.emplace_back("offloads");
    return;
  }
  table.gap();
  table.row({{"offloads", Style::title}, ""});
  for (const kernel::Feature& feature : *features) {
    // Whatever is off and cannot be switched on is of no use to know here; JSON has it.
    if (feature.fixed && !feature.active) continue;
    std::string state = feature.active ? "on" : "off";
    if (feature.fixed) state += ", fixed";
    if (feature.active != feature.requested && !feature.fixed)
      state += feature.requested ? ", asked to be on" : ", asked to be off";
    table.row({"  " + feature.name, state});
  }
}

void put_numbers(view::Table& table, const std::string& title,
                 const std::vector<kernel::NamedNumber>& numbers) {
  if (numbers.empty()) return;
  table.gap();
  table.row({{title, Style::title}, ""});
  for (const kernel::NamedNumber& number : numbers)
    table.row({"  " + number.name, std::to_string(number.value)});
}

std::vector<kernel::NamedNumber> kernel_counters(const Link& link) {
  std::vector<kernel::NamedNumber> numbers;
  if (!link.route.counters_told) return numbers;
  for (std::size_t i = 0; i < kernel::kLinkCounterCount; ++i)
    numbers.push_back(
        {std::string(kernel::link_counter_name(static_cast<LinkCounter>(i))), link.route.counters[i]});
  return numbers;
}

}  // namespace

std::string link_state(const Link& link) {
  if (!link.route.enabled) return "off";
  return link.route.running ? "up" : "no carrier";
}

std::string port_name(std::uint64_t port) {
  switch (port) {
    case 0:
      return "twisted pair";
    case 1:
      return "AUI";
    case 2:
      return "MII";
    case 3:
      return "fibre";
    case 4:
      return "BNC";
    case 5:
      return "direct attach copper";
    case 0xef:
      return "none";
    default:
      return "other";
  }
}

std::string field_text(EthtoolGroup group, std::size_t field, const Value& value) {
  if (value.is_missing()) return "-";
  const kernel::EthtoolField& info = kernel::ethtool_group(group).fields[field];
  const std::uint64_t number = value.as_unsigned();
  if (info.is_switch) return number != 0 ? "on" : "off";
  if (info.name == "port") return port_name(number);
  if (info.name == "transceiver") return number == 0 ? "internal" : "external";
  if (info.name.starts_with("mdix"))
    return number == 1 ? "off" : number == 2 ? "on" : number == 3 ? "auto" : "unknown";
  if (group == EthtoolGroup::fec && info.name == "active") return kernel::link_mode_name(number);
  return std::to_string(number);
}

view::Table link_table(const LinkSample& sample) {
  view::Table table({{"interface", Align::left},
                     {"driver", Align::left, 5},
                     {"state", Align::left},
                     {"speed", Align::quantity},
                     {"duplex", Align::left, 1},
                     {"autoneg", Align::left, 3},
                     {"mtu", Align::right, 4},
                     {"receives", Align::quantity, 2},
                     {"sends", Align::quantity, 2},
                     {"used", Align::quantity, 6},
                     {"errors", Align::right, 1},
                     {"drops", Align::right, 1}});
  for (const Link& link : sample.now.links) {
    if (!sample.only.empty() && link.route.name != sample.only) continue;
    const network::LinkRates rates = network::rates_between(sample.before, sample.now, link);
    const bool half = link.modes && link.modes->duplex == kernel::Duplex::half;
    table.row({link.route.name, link.driver.empty() ? "-" : link.driver,
               warned(link_state(link), link.route.enabled && !link.route.running), speed_cell(link),
               warned(link.modes ? std::string(kernel::duplex_name(link.modes->duplex)) : "-", half),
               autonegotiation_cell(link), std::to_string(link.route.mtu), rate_cell(rates.rx_bits_s),
               rate_cell(rates.tx_bits_s), share_cell(rates.share),
               count_cell(link, LinkCounter::rx_errors, LinkCounter::tx_errors),
               count_cell(link, LinkCounter::rx_dropped, LinkCounter::tx_dropped)});
  }
  return table;
}

std::string link_details_text(const LinkSample& sample, int columns) {
  const Link* link = network::find_link(sample.now, sample.only);
  if (link == nullptr || !sample.details) return {};
  constexpr std::size_t kLabelColumns = 34;
  const auto width = static_cast<std::size_t>(columns);
  view::Table table = pairs();
  put_basics(table, sample, *link, width > 2 * kLabelColumns ? width - kLabelColumns : kLabelColumns);
  std::vector<std::string> lacking;
  for (std::size_t group = 0; group < kernel::kEthtoolGroupCount; ++group)
    put_group(table, sample, static_cast<EthtoolGroup>(group), lacking);
  put_module(table, sample, lacking);
  put_features(table, sample, lacking);
  put_numbers(table, "counted by the kernel", kernel_counters(*link));
  if (sample.details->standard)
    put_numbers(table, "counted as IEEE 802.3 names it", *sample.details->standard);
  if (sample.details->statistics) put_numbers(table, "counted by the driver", *sample.details->statistics);
  if (!lacking.empty()) {
    table.gap();
    std::string text;
    for (const std::string& title : lacking) text += (text.empty() ? "" : ", ") + title;
    put_wrapped(table, "not told by the driver", text, kLabelColumns + 10);
  }
  return table.text(columns);
}

}  // namespace isotach::command
