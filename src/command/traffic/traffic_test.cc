#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/json_reader.h"
#include "command/traffic/export.h"
#include "command/traffic/keys.h"
#include "command/traffic/options.h"
#include "command/traffic/pages.h"
#include "command/traffic/recorded.h"
#include "command/traffic/replayed.h"
#include "command/traffic/traffic_fixture.h"
#include "record/recording.h"

namespace isotach::command {
namespace {

using network::TrafficBy;
using testing::HasSubstr;
using testing::Not;
using view::Key;
using view::TrafficPage;
using view::TrafficView;

std::unique_ptr<TrafficSession> two_seconds() {
  return session_of({snapshot_at(0), snapshot_at(1), snapshot_at(2)});
}

TEST(TrafficSession, TotalsPeaksAndMeans) {
  const auto session = two_seconds();
  EXPECT_DOUBLE_EQ(session->running_s(), 2);
  EXPECT_EQ(network::traffic_total(session->now()).out.bytes, 2u * 1'542'400);
  EXPECT_DOUBLE_EQ(*session->total_speeds().peak_bits_s, 8.0 * (13'600 + 1'542'400));
  EXPECT_DOUBLE_EQ(*session->total_speeds().mean_bits_s, 8.0 * (13'600 + 1'542'400));
  EXPECT_EQ(session->in_past().size(), 2u);
  const auto flows = network::traffic_groups(session->now(), session->rates(), TrafficBy::flow);
  ASSERT_EQ(flows.size(), 4u);
  EXPECT_DOUBLE_EQ(*session->speeds(TrafficBy::flow, flows[0]).peak_bits_s, 8.0 * 1'510'000);
}

TEST(TrafficSession, HoldingKeepsThePictureWhileReadingGoesOn) {
  const auto session = TrafficSession::begin(std::make_unique<network::FakeTrafficSource>(
      std::vector{snapshot_at(0), snapshot_at(1), snapshot_at(2)}));
  ASSERT_TRUE((*session)->read());
  (*session)->hold(true);
  ASSERT_TRUE((*session)->read());
  EXPECT_EQ((*session)->now().time.monotonic_ns, snapshot_at(1).time.monotonic_ns);
  EXPECT_EQ((*session)->newest().time.monotonic_ns, snapshot_at(2).time.monotonic_ns);
  (*session)->hold(false);
  EXPECT_EQ((*session)->now().time.monotonic_ns, snapshot_at(2).time.monotonic_ns);
}

TEST(TrafficSession, WhatIsNotKnownToBeLostIsUnknown) {
  auto snapshot = snapshot_at(1);
  EXPECT_EQ(unaccounted_packets(snapshot), 0u);
  snapshot.interfaces[1].not_accounted_in = -3;
  snapshot.interfaces[1].not_accounted_out = 5;
  EXPECT_EQ(unaccounted_packets(snapshot), 5u);
  snapshot.interfaces[1].not_accounted_in = snapshot.interfaces[1].not_accounted_out = std::nullopt;
  EXPECT_EQ(unaccounted_packets(snapshot), std::nullopt);
}

TEST(TrafficGroups, EveryKindHasKeysThatStay) {
  const auto earlier = snapshot_at(1);
  const auto later = snapshot_at(2);
  for (std::size_t i = 0; i < network::kTrafficBys; ++i) {
    const auto by = static_cast<TrafficBy>(i);
    const auto before = network::traffic_groups(earlier, nullptr, by);
    const auto after = network::traffic_groups(later, nullptr, by);
    ASSERT_EQ(before.size(), after.size()) << network::traffic_by_name(by);
    ASSERT_FALSE(before.empty()) << network::traffic_by_name(by);
    for (std::size_t at = 0; at < before.size(); ++at) {
      EXPECT_EQ(before[at].key, after[at].key);
      EXPECT_FALSE(network::traffic_group_name(later, by, after[at]).empty());
    }
    EXPECT_EQ(network::traffic_by(network::traffic_by_name(by)), by);
  }
}

TEST(TrafficGroups, NamesOfProtocolsAndBack) {
  for (unsigned protocol = 1; protocol < 256; ++protocol)
    EXPECT_EQ(network::ip_protocol_number(network::ip_protocol_name(static_cast<std::uint8_t>(protocol))),
              protocol);
  for (unsigned type = 1; type < 65536; ++type)
    EXPECT_EQ(network::ether_type_number(network::ether_type_name(static_cast<std::uint16_t>(type))), type);
  for (const char* wrong : {"", "nosuch", "0x", "0x12345", "0x12 ", "256", "-1"}) {
    EXPECT_EQ(network::ip_protocol_number(wrong), 0) << wrong;
    EXPECT_EQ(network::ether_type_number(wrong), 0) << wrong;
  }
}

TEST(TrafficGroups, FlowsOfAGroup) {
  const auto session = two_seconds();
  const auto flows_of = [&](TrafficBy by, std::size_t index) {
    const auto groups = network::traffic_groups(session->now(), session->rates(), by);
    std::vector<std::uint64_t> ids;
    for (const auto& flow : network::traffic_groups(session->now(), session->rates(), TrafficBy::flow,
                                                    network::TrafficScope{by, groups.at(index).key}))
      ids.push_back(flow.key);
    return ids;
  };
  using testing::ElementsAre;
  EXPECT_THAT(flows_of(TrafficBy::host, 1), ElementsAre(2));
  EXPECT_THAT(flows_of(TrafficBy::port, 0), ElementsAre(1, 5));
  EXPECT_THAT(flows_of(TrafficBy::process, 1), ElementsAre(1, 5));
  EXPECT_THAT(flows_of(TrafficBy::vlan, 0), ElementsAre(9));
  EXPECT_THAT(flows_of(TrafficBy::dscp, 0), ElementsAre(1));
  EXPECT_THAT(flows_of(TrafficBy::station, 0), ElementsAre(1, 2, 5, 9));
  EXPECT_THAT(flows_of(TrafficBy::interface, 1), ElementsAre(1, 2, 5, 9));
  EXPECT_THAT(flows_of(TrafficBy::interface, 0), ElementsAre());
}

TEST(TrafficText, AReport) {
  const auto session = two_seconds();
  TrafficCommandOptions options;
  const std::string text = traffic_text(*session, traffic_report_of(options, Format::table), 200, nullptr);
  EXPECT_THAT(text, HasSubstr("source      eBPF, not accounted 0\n"));
  EXPECT_THAT(text, HasSubstr("in          109 kbit/s, 135 /s packets; in all 26.6 KiB, 270 packets\n"));
  EXPECT_THAT(text, HasSubstr("tcp       10.0.0.5:443       192.0.2.17:50312 "));
  EXPECT_THAT(text, HasSubstr("   established  nginx      12.3 ms      3 "));
  EXPECT_THAT(text, HasSubstr("443/tcp  https      96 kbit/s"));
  EXPECT_THAT(text, HasSubstr("1024-1518"));
}

TEST(TrafficJson, OneDocumentWithEveryKind) {
  const auto session = two_seconds();
  TrafficCommandOptions options;
  view::JsonWriter json;
  write_traffic_json(json, *session, traffic_report_of(options, Format::json), nullptr);
  const auto read = parse_json(json.text());
  ASSERT_TRUE(read) << json.text();
  EXPECT_EQ(*read->find("schema")->string(), "isotach.traffic.v1");
  EXPECT_EQ(read->find("interval_ns")->integer(), 2'000'000'000);
  EXPECT_EQ(read->find("accounting")->find("not_accounted_packets")->unsigned_integer(), 0u);
  EXPECT_EQ(read->find("accounting")->find("counted_packets")->unsigned_integer(),
            read->find("accounting")->find("in_flows_packets")->unsigned_integer());
  for (const char* list : {"protocols", "interfaces", "flows", "hosts", "stations", "ports", "processes",
                           "containers", "sizes", "vlans", "dscp", "casts"})
    ASSERT_FALSE(read->find(list)->elements().empty()) << list;
  const JsonValue& flow = read->find("flows")->elements().front();
  EXPECT_EQ(*flow.find("remote_address")->string(), "192.0.2.17");
  EXPECT_EQ(flow.find("rtt_ns")->integer(), 12'300'000);
  EXPECT_EQ(*flow.find("flags_in")->string(), "SYN ACK");
  EXPECT_TRUE(flow.find("vlan")->type() == JsonValue::Type::null);
  EXPECT_EQ(flow.find("out_bits_per_second")->real(), 12'000'000.0);
}

TEST(TrafficJson, WithoutPacketsNothingIsCounted) {
  auto blind = snapshot_at(2);
  blind.method = network::TrafficMethod::counters;
  const auto session = session_of({snapshot_at(0), blind});
  TrafficCommandOptions options;
  view::JsonWriter json;
  write_traffic_json(json, *session, traffic_report_of(options, Format::json), nullptr);
  const auto read = parse_json(json.text());
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->find("accounting")->find("counted_packets")->type() == JsonValue::Type::null);
}

TEST(TrafficCsv, HeadAndRowsOfEveryKindAgree) {
  const auto session = two_seconds();
  for (std::size_t i = 0; i < network::kTrafficBys; ++i) {
    view::CsvWriter csv;  // checks the number of fields itself
    TrafficReport report;
    report.bys = {static_cast<TrafficBy>(i)};
    write_traffic_csv_head(csv, report.bys.front());
    write_traffic_csv(csv, *session, report, nullptr);
    EXPECT_THAT(csv.take(), HasSubstr(",mean_bits_per_second\n2026-"));
  }
}

TEST(TrafficRecording, ReplayedItShowsTheSameAmounts) {
  const std::string path = testing::TempDir() + "traffic-" + std::to_string(::getpid()) + ".isotach";
  const auto live = two_seconds();
  {
    auto recorder = TrafficRecorder::create(path, {"traffic", {}, "0", "host", "kernel", {}, 1});
    ASSERT_TRUE(recorder) << recorder.error().message();
    for (const std::uint64_t second : {0, 1, 2}) (*recorder)->add(snapshot_at(second), nullptr);
    ASSERT_TRUE((*recorder)->finish());
    EXPECT_EQ((*recorder)->left_out(), 0u);
  }
  auto recording = record::Recording::open(path);
  ASSERT_TRUE(recording);
  auto source = std::make_unique<ReplayedTraffic>(
      (*recording)->table(), [&](record::Sample& sample) { return (*recording)->next(sample); });
  const ReplayedTraffic& replayed = *source;
  auto session = TrafficSession::begin(std::move(source));
  ASSERT_TRUE(session);
  while (!replayed.is_over()) ASSERT_TRUE((*session)->read());
  EXPECT_DOUBLE_EQ((*session)->running_s(), 2);
  EXPECT_EQ(unaccounted_packets((*session)->now()), 0u);
  for (std::size_t i = 0; i < network::kTrafficBys; ++i) {
    const auto by = static_cast<TrafficBy>(i);
    const auto before = network::traffic_groups(live->now(), live->rates(), by);
    const auto after = network::traffic_groups((*session)->now(), (*session)->rates(), by);
    ASSERT_EQ(before.size(), after.size()) << network::traffic_by_name(by);
    for (std::size_t at = 0; at < before.size(); ++at) {
      EXPECT_EQ(network::traffic_group_name(live->now(), by, before[at]),
                network::traffic_group_name((*session)->now(), by, after[at]));
      EXPECT_EQ(before[at].traffic, after[at].traffic) << network::traffic_by_name(by);
      EXPECT_DOUBLE_EQ(before[at].rate.bits_s(), after[at].rate.bits_s()) << network::traffic_by_name(by);
    }
  }
  ::unlink(path.c_str());
}

class TrafficScreen : public testing::Test {
 protected:
  std::string draw() {
    const view::TrafficModel model = pages_.model(view_, 132, 24);
    return view::render_traffic(model, view_, 132, 24).text();
  }
  TrafficAction press(const Key& key) {
    const TrafficAction action = apply_traffic_key(key, pages_.matching(), {132, 24}, view_);
    if (action == TrafficAction::open) pages_.open(view_);
    if (action == TrafficAction::back) pages_.back(view_);
    if (action == TrafficAction::next_sort) pages_.next_sort(view_);
    return action;
  }
  TrafficAction press(char32_t character) {
    return press(Key{.kind = Key::Kind::character, .character = character});
  }
  TrafficAction press(Key::Kind kind) { return press(Key{.kind = kind}); }

  std::unique_ptr<TrafficSession> session_ = two_seconds();
  TrafficPages pages_{*session_, nullptr};
  TrafficView view_;
};

TEST_F(TrafficScreen, PagesByDigitAndTab) {
  EXPECT_THAT(draw(), HasSubstr("FLOWS ─"));
  EXPECT_THAT(draw(), HasSubstr("PROTOCOLS ─"));
  for (const auto& [digit, seen] :
       {std::pair(U'3', "HOSTS ─"), std::pair(U'4', "02:00:00:00:00:09"), std::pair(U'5', "443/tcp"),
        std::pair(U'6', "nginx"), std::pair(U'7', "1024-1518"), std::pair(U'8', "EF (46)"),
        std::pair(U'9', "IPv4"), std::pair(U'0', "eth0")}) {
    press(digit);
    EXPECT_THAT(draw(), HasSubstr(seen));
  }
  press(U'\t');
  EXPECT_EQ(view_.page, TrafficPage::overview);
  press(Key::Kind::shift_tab);
  EXPECT_EQ(view_.page, TrafficPage::interfaces);
  press(U'1');
  press(Key::Kind::enter);
  EXPECT_EQ(view_.page, TrafficPage::flows);
  EXPECT_EQ(press(U'q'), TrafficAction::quit);
}

TEST_F(TrafficScreen, FromAHostToItsFlowToItsDetailsAndBack) {
  press(U'3');
  draw();
  press(Key::Kind::enter);
  EXPECT_EQ(view_.page, TrafficPage::flows);
  EXPECT_THAT(draw(), HasSubstr("FLOWS of host 192.0.2.17 ─"));
  EXPECT_EQ(pages_.matching(), 1u);
  press(Key::Kind::enter);
  const std::string details = draw();
  EXPECT_THAT(details, HasSubstr("FLOW TCP 10.0.0.5:443 192.0.2.17:50312"));
  EXPECT_THAT(details, HasSubstr("rtt             12.3 ms"));
  EXPECT_THAT(details, HasSubstr("retransmits     3"));
  press(Key::Kind::escape);
  EXPECT_THAT(draw(), HasSubstr("FLOWS of host 192.0.2.17 ─"));
  press(Key::Kind::escape);
  EXPECT_EQ(view_.page, TrafficPage::hosts);
  EXPECT_THAT(draw(), HasSubstr("HOSTS ─"));
}

TEST_F(TrafficScreen, SearchingAndSorting) {
  press(U'2');
  press(U'/');
  for (const char32_t c : std::u32string(U"SSHd")) press(c);
  EXPECT_THAT(draw(), HasSubstr("1 of 4, by rate"));
  EXPECT_THAT(draw(), HasSubstr("198.51.100.4:61021"));
  EXPECT_THAT(draw(), Not(HasSubstr("nginx")));
  press(Key::Kind::backspace);
  press(U'q');  // typed, not obeyed
  EXPECT_THAT(draw(), HasSubstr("nothing holds \"SSHq\""));
  press(Key::Kind::escape);
  EXPECT_THAT(draw(), HasSubstr("4, by rate"));
  press(U's');
  EXPECT_THAT(draw(), HasSubstr("4, by in-rate"));
  for (int i = 0; i < 5; ++i) press(U's');
  EXPECT_THAT(draw(), HasSubstr("4, by rate"));
}

TEST_F(TrafficScreen, TheCursorStaysInTheList) {
  press(U'2');
  draw();
  press(Key::Kind::end);
  EXPECT_EQ(view_.cursor, 3u);
  press(Key::Kind::down);
  EXPECT_EQ(view_.cursor, 3u);
  press(Key::Kind::page_up);
  EXPECT_EQ(view_.cursor, 0u);
  view_.cursor = 1000;  // as when the list became shorter
  EXPECT_THAT(draw(), HasSubstr("▸ "));
  EXPECT_EQ(view_.cursor, 3u);
  Key click{.kind = Key::Kind::click};
  click.row = 6;
  click.column = 10;
  EXPECT_EQ(press(click), TrafficAction::none);
  EXPECT_EQ(view_.cursor, 1u);
  EXPECT_EQ(press(click), TrafficAction::open);
  EXPECT_THAT(draw(), HasSubstr("FLOW TCP"));
}

TEST_F(TrafficScreen, SizesAndCastsCannotBeOpened) {
  press(U'7');
  draw();
  press(Key::Kind::enter);
  EXPECT_THAT(view_.notice, HasSubstr("cannot be told apart by size"));
  EXPECT_EQ(view_.page, TrafficPage::sizes);
}

}  // namespace
}  // namespace isotach::command
