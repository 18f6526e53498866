#include "command/overview_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command/overview_keys.h"

namespace isotach::command {
namespace {

using kernel::CpuField;
using kernel::DiskCounter;
using kernel::InterfaceCounter;
using machine::MachineReading;
using testing::ElementsAre;
using view::OverviewPage;

class OverviewBuilderTest : public testing::Test {
 protected:
  void add(double seconds) {
    const auto ns = static_cast<std::int64_t>(seconds * 1e9);
    builder_.add(reading_, {ns, ns});
  }
  static void set(kernel::CpuTimes& times, CpuField field, std::uint64_t ticks) {
    times.ticks[static_cast<std::size_t>(field)] = Value::of(ticks);
  }
  kernel::InterfaceReading& interface(const std::string& name, std::uint64_t received_bytes) {
    kernel::InterfaceReading& one = reading_.interfaces.emplace_back();
    one.name = name;
    one.counters[static_cast<std::size_t>(InterfaceCounter::receive_bytes)] = received_bytes;
    return one;
  }
  void disk(const std::string& name, std::uint64_t reads) {
    kernel::DiskReading& one = reading_.disks.emplace_back();
    one.name = name;
    one.counter_count = kernel::kDiskCounterCount;
    one.counters[static_cast<std::size_t>(DiskCounter::reads)] = reads;
  }
  std::vector<std::string> names_of_interfaces() {
    std::vector<std::string> names;
    for (const auto& one : builder_.model().interfaces) names.push_back(one.name);
    return names;
  }

  MachineReading reading_;
  OverviewBuilder builder_{{"host", "6.1"}, ""};
};

TEST_F(OverviewBuilderTest, OneReadingHasLevelsButNoRates) {
  interface("eth0", 1000);
  set(reading_.cpu.all, CpuField::user, 100);
  add(1);
  EXPECT_FALSE(builder_.model().cpu.all.busy);
  EXPECT_FALSE(builder_.model().interfaces[0].receive_bits_per_second);
  EXPECT_TRUE(builder_.model().interfaces[0].receive_past.empty());
}

TEST_F(OverviewBuilderTest, RatesAreOverTheTimeThatReallyPassed) {
  interface("eth0", 1000);
  for (const CpuField field : {CpuField::user, CpuField::idle, CpuField::steal})
    set(reading_.cpu.all, field, 0);
  add(1);
  reading_.interfaces[0].counters[static_cast<std::size_t>(InterfaceCounter::receive_bytes)] = 3500;
  set(reading_.cpu.all, CpuField::user, 60);
  set(reading_.cpu.all, CpuField::idle, 140);
  add(3.5);
  EXPECT_DOUBLE_EQ(*builder_.model().interfaces[0].receive_bits_per_second, 8000);
  EXPECT_DOUBLE_EQ(*builder_.model().cpu.all.busy, 0.3);
  EXPECT_FALSE(builder_.model().cpu.all.iowait) << "this kernel does not tell";
  EXPECT_EQ(builder_.model().cpu.all.steal, 0.0);
}

TEST_F(OverviewBuilderTest, ACounterThatWasResetHasNoRate) {
  interface("eth0", 1'000'000);
  add(1);
  reading_.interfaces[0].counters[static_cast<std::size_t>(InterfaceCounter::receive_bytes)] = 5;
  add(2);
  EXPECT_FALSE(builder_.model().interfaces[0].receive_bits_per_second);
  EXPECT_THAT(builder_.model().interfaces[0].receive_past, ElementsAre(std::nullopt));
}

TEST_F(OverviewBuilderTest, InterfacesInUseComeFirstAndTheLoopbackAfterThem) {
  interface("lo", 10);
  interface("unused", 0);
  interface("eth1", 10);
  interface("eth0", 10);
  add(1);
  EXPECT_THAT(names_of_interfaces(), ElementsAre("eth1", "eth0", "lo", "unused"));
}

TEST_F(OverviewBuilderTest, AnInterfaceThatComesLaterStartsItsOwnHistory) {
  interface("eth0", 10);
  add(1);
  add(2);
  interface("eth1", 10);
  add(3);
  EXPECT_EQ(builder_.model().interfaces[0].receive_past.size(), 2U);
  EXPECT_TRUE(builder_.model().interfaces[1].receive_past.empty());
  reading_.interfaces.erase(reading_.interfaces.begin());
  add(4);
  EXPECT_THAT(names_of_interfaces(), ElementsAre("eth1"));
}

TEST_F(OverviewBuilderTest, PartitionsAndUnusedDisksAreLeftOut) {
  for (const char* name : {"sda", "sda1", "sda10", "sdb", "nvme0n1", "nvme0n1p1", "dm-0", "dm-01x"})
    disk(name, 5);
  disk("loop0", 0);
  add(1);
  std::vector<std::string> names;
  for (const auto& one : builder_.model().disks) names.push_back(one.name);
  EXPECT_THAT(names, ElementsAre("sda", "sdb", "nvme0n1", "dm-0", "dm-01x"));
}

TEST_F(OverviewBuilderTest, SpeedsThatLimitNothingAreNotShown) {
  interface("eth0", 10);
  interface("tap0", 10);
  reading_.links = {{"eth0", Value::of(1), Value::of(1), Value::of(1), Value::of(1000), Value::of(1)},
                    {"tap0", Value::of(1), Value::of(1), Value::of(0), Value::of(10), Value::of(1)}};
  add(1);
  EXPECT_EQ(builder_.model().interfaces[0].speed_bits_per_second, 1e9);
  EXPECT_FALSE(builder_.model().interfaces[1].speed_bits_per_second);
}

TEST_F(OverviewBuilderTest, HistoryIsBounded) {
  for (int i = 0; i < 2000; ++i) add(i);
  EXPECT_LE(builder_.model().memory.used_share_past.size(), 700U);
}

TEST_F(OverviewBuilderTest, LessThanHalfASecondIsNotJudged) {
  add(1);
  add(1.01);
  EXPECT_THAT(builder_.model().not_checked, testing::Contains(testing::HasSubstr("half a second")));
  add(1.6);
  EXPECT_THAT(builder_.model().not_checked,
              testing::Not(testing::Contains(testing::HasSubstr("half a second"))));
}

TEST_F(OverviewBuilderTest, AnEventIsJudgedForSecondsNotForOneSample) {
  const auto oom = static_cast<std::size_t>(kernel::VmCounter::oom_kills);
  reading_.vm.values[oom] = Value::of(0);
  for (double now = 0; now < 6; now += 1) add(now);
  reading_.vm.values[oom] = Value::of(1);
  const auto critical = [&] {
    return view::worst_severity(builder_.model()) == view::FindingSeverity::critical;
  };
  add(6);
  EXPECT_TRUE(critical());
  add(9);
  EXPECT_TRUE(critical()) << "three seconds later it is still news";
  for (double now = 10; now < 30; now += 1) add(now);
  EXPECT_FALSE(critical()) << "half a minute later it is history";
}

TEST_F(OverviewBuilderTest, RestartForgetsEverythingButTheHost) {
  interface("eth0", 10);
  add(1);
  add(2);
  builder_.restart();
  EXPECT_EQ(builder_.model().host, "host");
  EXPECT_TRUE(builder_.model().interfaces.empty());
  add(1);
  EXPECT_FALSE(builder_.model().interfaces[0].receive_bits_per_second);
}

view::Key character(char32_t c) {
  return {view::Key::Kind::character, c};
}

OverviewAction press(const view::Key& key, view::OverviewView& view, const OverviewKeys& keys = {}) {
  return apply_key(key, keys, view);
}

TEST(OverviewKeys, TurnPagesAndComeBack) {
  view::OverviewView view;
  EXPECT_EQ(press(character('?'), view), OverviewAction::none);
  EXPECT_EQ(view.page, OverviewPage::help);
  press(character('f'), view);
  EXPECT_EQ(view.page, OverviewPage::findings);
  press({view::Key::Kind::escape}, view);
  EXPECT_EQ(view.page, OverviewPage::machine);
  const OverviewPage pages[] = {OverviewPage::machine, OverviewPage::memory, OverviewPage::network,
                                OverviewPage::connections, OverviewPage::findings};
  for (int i = 4; i >= 0; --i) {
    press(character(static_cast<char32_t>('1' + i)), view);
    EXPECT_EQ(view.page, pages[i]);
    press(character(static_cast<char32_t>('1' + i)), view);
    EXPECT_EQ(view.page, pages[i]) << "a number says where to be, not whether";
  }
}

TEST(OverviewKeys, ScrollInterfacesAround) {
  view::OverviewView view;
  press({view::Key::Kind::up}, view, {.interface_count = 3});
  EXPECT_EQ(view.interface, 2U);
  press(character('\t'), view, {.interface_count = 3});
  EXPECT_EQ(view.interface, 0U);
  press({view::Key::Kind::wheel_down}, view, {.interface_count = 3});
  EXPECT_EQ(view.interface, 1U);
  press({view::Key::Kind::down}, view);
  EXPECT_EQ(view.interface, 1U) << "there are none";
}

TEST(OverviewKeys, ScrollLongPagesWithinTheirRows) {
  view::OverviewView view;
  view.page = OverviewPage::connections;
  const OverviewKeys keys = {.interface_count = 3, .scroll_limit = 12};
  press({view::Key::Kind::up}, view, keys);
  EXPECT_EQ(view.scroll, 0);
  press({view::Key::Kind::wheel_down}, view, keys);
  EXPECT_EQ(view.scroll, 1);
  EXPECT_EQ(press({view::Key::Kind::page_down}, view, keys), OverviewAction::none);
  EXPECT_EQ(view.scroll, 11);
  press({view::Key::Kind::page_down}, view, keys);
  EXPECT_EQ(view.scroll, 12);
  press({view::Key::Kind::home}, view, keys);
  EXPECT_EQ(view.scroll, 0);
  press({view::Key::Kind::end}, view, keys);
  EXPECT_EQ(view.scroll, 12);
  press(character('5'), view, keys);
  EXPECT_EQ(view.scroll, 0) << "another page begins at its top";
  EXPECT_EQ(view.interface, 0U);
  EXPECT_EQ(press({view::Key::Kind::page_down}, view, {.replay = true}), OverviewAction::page_forward)
      << "a replay moves in time";
}

TEST(OverviewKeys, ClicksDoWhatTheKeyDoes) {
  view::OverviewView view;
  const OverviewKeys keys = {.targets = {{{0, 5, 40, 3}, U'2'}, {{10, 23, 6, 1}, U'q'}}};
  EXPECT_EQ(press({view::Key::Kind::click, 0, 39, 7}, view, keys), OverviewAction::none);
  EXPECT_EQ(view.page, OverviewPage::memory);
  EXPECT_EQ(press({view::Key::Kind::click, 0, 40, 7}, view, keys), OverviewAction::none);
  EXPECT_EQ(press({view::Key::Kind::click, 0, 15, 23}, view, keys), OverviewAction::quit);
}

TEST(OverviewKeys, PlusIsALongerIntervalLiveAndMoreSpeedInAReplay) {
  view::OverviewView view;
  EXPECT_EQ(press(character('+'), view), OverviewAction::slower);
  EXPECT_EQ(press(character('+'), view, {.replay = true}), OverviewAction::faster);
  EXPECT_EQ(press(character('-'), view, {.replay = true}), OverviewAction::slower);
}

TEST(OverviewKeys, IntervalsStayBetweenTenMillisecondsAndAMinute) {
  std::int64_t interval_ns = 1'000'000'000;
  for (int i = 0; i < 50; ++i) interval_ns = shorter_interval_ns(interval_ns);
  EXPECT_EQ(interval_ns, 10'000'000);
  for (int i = 0; i < 50; ++i) interval_ns = longer_interval_ns(interval_ns);
  EXPECT_EQ(interval_ns, 60'000'000'000);
  EXPECT_EQ(longer_interval_ns(300'000'000), 500'000'000);
  EXPECT_EQ(shorter_interval_ns(300'000'000), 200'000'000);
}

}  // namespace
}  // namespace isotach::command
