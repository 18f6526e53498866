#include "command/traffic/pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/units.h"

namespace isotach::command {
namespace {

using network::TrafficBy;
using network::TrafficGroup;
using network::TrafficSort;
using view::TrafficPage;

// The longest list of the overview on the largest terminal.
constexpr std::size_t kOverviewRows = 40;
// In the order of what tells most; loopback of them stands where there is room.
constexpr std::array kOverviewLists = {TrafficBy::flow,    TrafficBy::protocol, TrafficBy::host,
                                       TrafficBy::process, TrafficBy::port,     TrafficBy::interface};
constexpr std::array kSorts = {TrafficSort::bytes_rate,   TrafficSort::in_rate, TrafficSort::out_rate,
                               TrafficSort::packets_rate, TrafficSort::bytes,   TrafficSort::packets};

std::optional<TrafficBy> by_of(TrafficPage page) {
  switch (page) {
    case TrafficPage::flows:
      return TrafficBy::flow;
    case TrafficPage::hosts:
      return TrafficBy::host;
    case TrafficPage::stations:
      return TrafficBy::station;
    case TrafficPage::ports:
      return TrafficBy::port;
    case TrafficPage::processes:
      return TrafficBy::process;
    case TrafficPage::sizes:
      return TrafficBy::size;
    case TrafficPage::protocols:
      return TrafficBy::protocol;
    case TrafficPage::interfaces:
      return TrafficBy::interface;
    case TrafficPage::overview:
    case TrafficPage::classes:
      break;
  }
  return std::nullopt;
}

std::string scope_text(const network::TrafficSnapshot& now) {
  if (now.interfaces.empty()) return "no interface";
  if (now.interfaces.size() > 3) return fmt::format("{} interfaces", now.interfaces.size());
  std::string text;
  for (const network::InterfaceTraffic& interface : now.interfaces)
    text += (text.empty() ? "" : " ") + interface.name;
  return text;
}

// "remote_port" -> "remote port"; "rtt_ns" -> "rtt".
std::string fact_name(std::string_view key) {
  std::string name(key);
  if (name.ends_with("_ns")) name.resize(name.size() - 3);
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

std::string fact_text(const network::TrafficAttribute& attribute) {
  if (!attribute.is_number) return attribute.text.empty() ? "-" : attribute.text;
  if (attribute.number.is_missing()) return "-";
  if (attribute.key.ends_with("_ns")) return format_duration_ns(attribute.number.as_real());
  if (attribute.key == "dscp") return network::dscp_name(attribute.number.as_unsigned());
  return std::to_string(attribute.number.as_unsigned());
}

std::string kind_name(TrafficBy by) {
  return by == TrafficBy::vlan || by == TrafficBy::dscp ? ""
                                                        : std::string(network::traffic_by_name(by)) + " ";
}

}  // namespace

TrafficListing TrafficPages::listing_of(TrafficBy by) const {
  TrafficListing listing;
  listing.by = by;
  listing.sort = sort_;
  return listing;
}

void TrafficPages::add_list(view::TrafficModel& model, const TrafficListing& listing) {
  const TrafficSelection selection = select_traffic(session_, listing, names_);
  for (const TrafficGroup& group : selection.groups) shown_.push_back({listing.by, group});
  model.lists.push_back(traffic_list(session_, listing, selection, names_));
}

void TrafficPages::add_page(view::TrafficModel& model, view::TrafficView& view, std::size_t room) {
  TrafficListing listing = listing_of(*by_of(view.page));
  listing.search = view.search;
  if (view.page == TrafficPage::flows && scope_)
    listing.scope = network::TrafficScope{scope_->by, scope_->group.key};
  // Page by page; once more where the list has become shorter than the cursor's place.
  for (int attempt = 0; attempt < 2; ++attempt) {
    listing.first = view.cursor / room * room;
    listing.rows = room;
    shown_.clear();
    model.lists.clear();
    add_list(model, listing);
    matching_ = model.lists.front().matching;
    if (view.cursor < std::max<std::size_t>(matching_, 1)) break;
    view.cursor = matching_ - (matching_ > 0 ? 1 : 0);
  }
  first_ = listing.first;
}

// VLANs, DSCP classes and casts in one list: each is short.
void TrafficPages::add_classes(view::TrafficModel& model, const view::TrafficView& view, std::size_t room) {
  view::TrafficList all;
  all.title = "classes";
  all.columns = {{"kind", view::Align::left, 6}, {"class", view::Align::left, 0, 10}};
  all.none = "nothing was seen";
  for (const TrafficBy by : {TrafficBy::cast, TrafficBy::dscp, TrafficBy::vlan}) {
    TrafficListing listing = listing_of(by);
    listing.search = view.search;
    const TrafficSelection selection = select_traffic(session_, listing, names_);
    view::TrafficList list = traffic_list(session_, listing, selection, names_);
    for (std::size_t i = 0; i < list.rows.size(); ++i) {
      view::TrafficRow& row = list.rows[i];
      row.cells.insert(row.cells.begin(), by == TrafficBy::vlan   ? "VLAN"
                                          : by == TrafficBy::dscp ? "DSCP"
                                                                  : "cast");
      all.rows.push_back(std::move(row));
      shown_.push_back({by, selection.groups[i]});
    }
    all.known += list.known;
  }
  all.matching = matching_ = all.rows.size();
  first_ = all.first = std::min(view.cursor, matching_ > 0 ? matching_ - 1 : 0) / room * room;
  const auto begin = static_cast<std::ptrdiff_t>(first_);
  const auto end = static_cast<std::ptrdiff_t>(std::min(matching_, first_ + room));
  all.rows = std::vector<view::TrafficRow>(all.rows.begin() + begin, all.rows.begin() + end);
  shown_ = std::vector<Shown>(shown_.begin() + begin, shown_.begin() + end);
  model.lists.push_back(std::move(all));
}

void TrafficPages::add_details(view::TrafficModel& model) {
  const network::TrafficSnapshot& now = session_.now();
  view::TrafficDetails details;
  details.title = "flow " + details_->name;
  const auto found = std::find_if(now.flows.begin(), now.flows.end(), [&](const network::TrafficFlow& flow) {
    return flow.id == details_->group.key;
  });
  details.is_gone = found == now.flows.end();
  if (!details.is_gone) {
    TrafficGroup& group = details_->group;
    group.index = static_cast<std::size_t>(found - now.flows.begin());
    group.traffic = found->traffic;
    const network::TrafficRates* rates = session_.rates();
    group.rate = rates != nullptr && group.index < rates->flows.size() ? rates->flows[group.index]
                                                                       : network::TwoWayRate{};
    last_facts_.clear();
    if (names_ != nullptr && found->ip_version != 0)
      last_facts_.push_back({"remote host", host_text(found->remote, names_), false});
    for (const network::TrafficAttribute& attribute :
         network::traffic_attributes(now, TrafficBy::flow, group)) {
      const bool warns = attribute.key == "retransmits" && attribute.number.as_unsigned() > 0;
      last_facts_.push_back({fact_name(attribute.key), fact_text(attribute), warns});
    }
    const TrafficSpeeds speeds = session_.speeds(TrafficBy::flow, group);
    details.amounts = traffic_amounts(group.traffic, group.rate, rates != nullptr, speeds);
    const auto both = [](std::uint64_t bytes, std::uint64_t packets) {
      return fmt::format("{}, {} packets", format_bytes(static_cast<double>(bytes)), packets);
    };
    last_facts_.push_back({"received", both(group.traffic.in.bytes, group.traffic.in.packets), false});
    last_facts_.push_back({"sent", both(group.traffic.out.bytes, group.traffic.out.packets), false});
    last_facts_.push_back({"peak, mean",
                           fmt::format("{}, {}", format_bits_per_second(speeds.peak_bits_s.value_or(0)),
                                       format_bits_per_second(speeds.mean_bits_s.value_or(0))),
                           false});
  }
  details.facts = last_facts_;
  if (session_.watched()) {
    details.in_past = session_.watched()->in_past;
    details.out_past = session_.watched()->out_past;
  }
  model.details = std::move(details);
}

view::TrafficModel TrafficPages::model(view::TrafficView& view, int columns, int rows) {
  const network::TrafficSnapshot& now = session_.now();
  view::TrafficModel model;
  model.time = now.time;
  model.running_s = session_.running_s();
  model.interval_s = session_.rates() == nullptr ? 0 : session_.rates()->seconds;
  model.scope = scope_text(now);
  model.filter = now.filter;
  model.source = traffic_source_name(now.method);
  model.source_note = now.missing.empty() ? now.reason : now.missing.front();
  const network::TrafficRates* rates = session_.rates();
  model.total =
      traffic_amounts(network::traffic_total(now),
                      rates == nullptr ? network::TwoWayRate{} : network::traffic_total_rate(now, *rates),
                      rates != nullptr, session_.total_speeds());
  model.in_past = session_.in_past();
  model.out_past = session_.out_past();
  model.unaccounted_packets = unaccounted_packets(now);
  model.other_packets = other_packets(now);
  view.sort = view.page == TrafficPage::sizes ? "size" : std::string(network::traffic_sort_name(sort_));
  // Who goes to another page leaves what was opened behind.
  if (view.page != TrafficPage::flows && (scope_ || details_)) forget(view);
  view.within = scope_ ? kind_name(scope_->by) + scope_->name : "";
  shown_.clear();
  matching_ = 0;
  if (details_) {
    add_details(model);
  } else if (view.page == TrafficPage::overview) {
    for (const TrafficBy by : kOverviewLists) {
      TrafficListing listing = listing_of(by);
      listing.rows = kOverviewRows;
      add_list(model, listing);
    }
    shown_.clear();
  } else if (view.page == TrafficPage::classes) {
    add_classes(model, view, view::traffic_page_rows(view, columns, rows));
  } else {
    add_page(model, view, view::traffic_page_rows(view, columns, rows));
  }
  return model;
}

void TrafficPages::open(view::TrafficView& view) {
  if (view.page == TrafficPage::overview) {
    view.page = TrafficPage::flows;
    view.cursor = 0;
    return;
  }
  if (details_ || view.cursor < first_ || view.cursor - first_ >= shown_.size()) return;
  const Shown& shown = shown_[view.cursor - first_];
  const network::TrafficSnapshot& now = session_.now();
  TrafficOpened opened{shown.by, shown.group, network::traffic_group_name(now, shown.by, shown.group)};
  if (shown.by == TrafficBy::flow) {
    session_.watch(shown.by, shown.group.key);
    details_ = std::move(opened);
    return;
  }
  if (!network::can_scope(shown.by)) {
    view.notice = "flows cannot be told apart by " + std::string(network::traffic_by_name(shown.by));
    return;
  }
  came_from_ = view.page;
  scope_ = std::move(opened);
  view.page = TrafficPage::flows;
  view.search.clear();
  view.cursor = 0;
}

void TrafficPages::back(view::TrafficView& view) {
  if (details_) {
    details_.reset();
    session_.unwatch();
  } else if (scope_) {
    scope_.reset();
    view.page = came_from_;
    view.cursor = 0;
  }
}

void TrafficPages::forget(view::TrafficView& view) {
  details_.reset();
  scope_.reset();
  session_.unwatch();
  view.within.clear();
}

void TrafficPages::next_sort(view::TrafficView& view) {
  if (view.page == TrafficPage::sizes) {
    view.notice = "sizes stay in their order";
    return;
  }
  const auto at = std::find(kSorts.begin(), kSorts.end(), sort_);
  sort_ = at == kSorts.end() || at + 1 == kSorts.end() ? kSorts.front() : *(at + 1);
}

}  // namespace isotach::command
