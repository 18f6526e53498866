#include "command/nettest/timing.h"

#include <fmt/format.h>

#include <utility>

#include "base/units.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

using nettest::DatagramTiming;
using nettest::TestFacts;
using nettest::TestReport;

double wanted_gap_ns(const TestFacts& facts) {
  return facts.parameters.rate_bps == 0
             ? 0
             : facts.parameters.length * 8e9 / static_cast<double>(facts.parameters.rate_bps);
}

std::string time_text(double ns) {
  return format_duration_ns(ns);
}

void add_row(view::Table& table, const std::string& name, const Histogram& values) {
  if (values.count() == 0) return;
  const auto at = [&values](double share) { return time_text(static_cast<double>(values.quantile(share))); };
  table.row({name, time_text(static_cast<double>(values.minimum())), at(0.5), at(0.99), at(0.999),
             time_text(static_cast<double>(values.maximum()))});
}

}  // namespace

std::string timing_text(const TestFacts& facts, const TestReport& report, bool we_are_server) {
  view::Table table({{"distances", view::Align::left},
                     {"least", view::Align::quantity},
                     {"p50", view::Align::quantity},
                     {"p99", view::Align::quantity},
                     {"p99.9", view::Align::quantity},
                     {"most", view::Align::quantity}});
  std::string more;
  bool any = false;
  for (std::size_t direction = 0; direction < 2; ++direction) {
    const auto& left = report.left[direction];
    const auto& came = report.came[direction];
    if ((!left || left->gaps_ns.count() == 0) && (!came || came->gaps_ns.count() == 0)) continue;
    any = true;
    const bool we_send = direction == 0;
    const char* way = we_send != we_are_server ? "to server" : "from server";
    if (left) {
      add_row(table, fmt::format("{}, as sent", way), left->gaps_ns);
      more += fmt::format(
          "{}: a datagram was due every {}; {} left late, {} never; the longest run at once: {}\n", way,
          time_text(wanted_gap_ns(facts)), left->late, left->never_sent, left->longest_run);
    }
    if (came) {
      add_row(table, fmt::format("{}, as received", way), came->gaps_ns);
      add_row(table, fmt::format("{}, delay over the shortest", way), came->delay_variation_ns);
    }
  }
  return any ? "\n" + table.text(110) + more : std::string();
}

void write_distribution(view::JsonWriter& json, const Histogram& values) {
  json.key("count").unsigned_integer(values.count());
  json.key("min_ns").unsigned_integer(values.minimum());
  json.key("mean_ns").real(values.mean());
  for (const auto& [name, share] :
       {std::pair{"p50_ns", 0.5}, std::pair{"p90_ns", 0.9}, std::pair{"p99_ns", 0.99},
        std::pair{"p99_9_ns", 0.999}, std::pair{"p99_99_ns", 0.9999}})
    json.key(name).unsigned_integer(values.quantile(share));
  json.key("max_ns").unsigned_integer(values.maximum());
  json.key("histogram").begin_array();
  for (const auto& [bucket, count] : values.buckets())
    json.begin_array().unsigned_integer(Histogram::upper_end(bucket)).unsigned_integer(count).end_array();
  json.end_array();
}

void write_timing(view::JsonWriter& json, const TestFacts& facts, const TestReport& report) {
  const bool any = report.left[0] || report.left[1] || report.came[0] || report.came[1];
  if (!any) return;
  json.key("pacing").begin_object();
  json.key("wanted_gap_ns").real(wanted_gap_ns(facts));
  for (std::size_t direction = 0; direction < 2; ++direction) {
    const auto& left = report.left[direction];
    const auto& came = report.came[direction];
    if (!left && !came) continue;
    json.key(direction == 0 ? "sent" : "received").begin_object();
    const auto distribution = [&json](const char* key, const Histogram& values) {
      json.key(key).begin_object();
      write_distribution(json, values);
      json.end_object();
    };
    if (left) {
      json.key("longest_run_sent").unsigned_integer(left->longest_run);
      json.key("sent_late").unsigned_integer(left->late);
      json.key("never_sent").unsigned_integer(left->never_sent);
      distribution("gaps_sent", left->gaps_ns);
    }
    if (came) {
      json.key("longest_run_received").unsigned_integer(came->longest_run);
      distribution("gaps_received", came->gaps_ns);
      distribution("delay_variation", came->delay_variation_ns);
    }
    json.end_object();
  }
  json.end_object();
}

}  // namespace isotach::command
