#include "network/path/search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "network/emulator/path.h"
#include "network/path/elbow.h"

namespace isotach::path {
namespace {

constexpr std::size_t kBytes = 1500;

// The emulator's model of a path, without any network, in its own time.
class ModelPath final : public StreamSender {
 public:
  explicit ModelPath(std::initializer_list<const char*> words, std::uint64_t seed = 5) {
    emulator::PathSettings settings(3);
    for (const char* each : words) EXPECT_TRUE(emulator::apply_words(settings, each)) << each;
    path_ = std::make_unique<emulator::Path>(settings, emulator::path_hosts(3, false), seed, kBytes);
  }

  Result<StreamRecord> stream(std::size_t wire_bytes, std::uint32_t count, double gap_ns) override {
    StreamRecord record;
    record.wire_bytes = wire_bytes;
    record.gap_ns = gap_ns;
    for (std::uint32_t i = 0; i < count; ++i) {
      record.sent_ns.push_back(static_cast<std::int64_t>(now_ns_));
      enter(wire_bytes, i);
      now_ns_ += gap_ns;
    }
    for (const auto& [number, at_ns] : run()) record.arrivals.push_back({number, at_ns, 0});
    return record;
  }
  Result<std::vector<StreamRecord>> trains(std::size_t wire_bytes, std::uint32_t count, std::uint32_t trains,
                                           double rest_ns) override {
    std::vector<StreamRecord> records(trains);
    for (std::uint32_t i = 0; i < trains; ++i) {
      records[i].wire_bytes = wire_bytes;
      records[i].sent_ns.assign(count, static_cast<std::int64_t>(now_ns_));
      for (std::uint32_t j = 0; j < count; ++j) {
        enter(wire_bytes, i * count + j);
        now_ns_ += kCallNs;
      }
      now_ns_ += rest_ns;
    }
    for (const auto& [number, at_ns] : run())
      records[number / count].arrivals.push_back({number % count, at_ns, 0});
    return records;
  }
  [[nodiscard]] std::int64_t now_ns() const override { return static_cast<std::int64_t>(now_ns_); }
  void wait_until(std::int64_t at_ns) override { now_ns_ = std::max(now_ns_, static_cast<double>(at_ns)); }
  [[nodiscard]] bool is_stopped() const override { return false; }

 private:
  static constexpr double kCallNs = 1000;
  static constexpr double kRttNs = 10e6;

  void enter(std::size_t bytes, std::uint32_t number) {
    emulator::Packet* packet = path_->new_packet();
    std::fill_n(packet->bytes, bytes, std::uint8_t{0});
    packet->size = bytes;
    packet->bytes[0] = 0x45;
    packet->bytes[2] = static_cast<std::uint8_t>(bytes >> 8);
    packet->bytes[3] = static_cast<std::uint8_t>(bytes);
    packet->bytes[4] = static_cast<std::uint8_t>(number >> 8);
    packet->bytes[5] = static_cast<std::uint8_t>(number);
    packet->bytes[8] = 64;
    packet->bytes[9] = 17;
    const auto& to = path_->hosts()[1].address.v4;
    std::copy_n(reinterpret_cast<const std::uint8_t*>(&to), 4, packet->bytes + 16);
    path_->enter(packet, 0, now_ns_);
  }
  // All that is on its way arrives: number and time.
  std::vector<std::pair<std::uint32_t, std::int64_t>> run() {
    std::vector<std::pair<std::uint32_t, std::int64_t>> found;
    path_->run_until(now_ns_ + 400e6);
    for (emulator::Packet* packet : path_->arrived()) {
      const auto number = static_cast<std::uint32_t>(packet->bytes[4] << 8 | packet->bytes[5]);
      found.emplace_back(number, std::llround(packet->due_ns));
      now_ns_ = std::max(now_ns_, packet->due_ns);
      path_->give_back(packet);
    }
    path_->arrived().clear();
    now_ns_ += kRttNs;
    return found;
  }

  std::unique_ptr<emulator::Path> path_;
  double now_ns_ = 1e9;
};

CapacitySearch capacity_of(ModelPath& path) {
  auto found = find_capacity(path, kBytes);
  EXPECT_TRUE(found && found->capacity);
  return found ? std::move(*found) : CapacitySearch{};
}

TEST(PathSearch, TheNarrowLinkIsFoundWhereverOthersSend) {
  for (const char* cross :
       {"1 ab cross=off", "2 ab cross=poisson cross-rate=60mbit",
        "1 ab rate=300mbit cross=poisson cross-rate=200mbit cross-size=mixed",
        "3 ab rate=155mbit cross=poisson cross-rate=108mbit", "3 ab rate=155mbit cross=cbr cross-rate=77mbit",
        "3 ab rate=155mbit cross=cbr cross-rate=124mbit", "3 ab rate=300mbit cross=pareto cross-rate=180mbit",
        "3 ab rate=300mbit cross=pareto cross-rate=240mbit"}) {
    ModelPath path({"all ab rate=10gbit", "2 ab rate=100mbit delay=5ms", cross});
    const CapacitySearch found = capacity_of(path);
    EXPECT_NEAR(found.capacity->bps.value / 100e6, 1, 0.005) << cross;
    EXPECT_LE(found.bytes, 2'000'000U);
    EXPECT_LE(found.seconds, 5);
  }
}

struct Case {
  const char* words;
  double bps, tolerance;
};

Available available_of(const char* words) {
  ModelPath path({"all ab rate=10gbit", "2 ab rate=100mbit delay=5ms", words});
  const CapacitySearch capacity = capacity_of(path);
  const auto found = find_available(path, kBytes, capacity, 12'000'000'000);
  EXPECT_TRUE(found && found->available);
  return found ? found->available.value_or(Available{}) : Available{};
}

TEST(PathSearch, WhatIsLeftIsWhatOthersDoNotUse) {
  for (const Case& each :
       {Case{"1 ab cross=off", 100e6, 0.01}, Case{"2 ab cross=cbr cross-rate=30mbit", 70e6, 0.01},
        Case{"2 ab cross=poisson cross-rate=60mbit", 40e6, 0.05},
        Case{"2 ab cross=pareto cross-rate=60mbit cross-burst=5ms", 40e6, 0.1},
        Case{"1 ab rate=300mbit cross=poisson cross-rate=120mbit", 100e6, 0.02}}) {
    const Available found = available_of(each.words);
    EXPECT_NEAR(found.bps.value / 100e6, each.bps / 100e6, each.tolerance) << each.words;
    EXPECT_LE(found.bps.low, found.bps.value);
    EXPECT_GE(found.bps.high, found.bps.value);
    EXPECT_FALSE(found.tight_bps) << each.words;
  }
}

TEST(PathSearch, ATightLinkThatIsNotTheNarrowOneIsTold) {
  for (const auto& [each, tight_bps] :
       {std::pair{Case{"3 ab rate=200mbit cross=poisson cross-rate=150mbit", 50e6, 0.05}, 200e6},
        std::pair{Case{"3 ab rate=155mbit cross=cbr cross-rate=77mbit", 78e6, 0.02}, 155e6},
        std::pair{Case{"3 ab rate=155mbit cross=pareto cross-rate=100mbit cross-burst=5ms", 55e6, 0.1},
                  155e6},
        std::pair{Case{"1 ab rate=300mbit cross=cbr cross-rate=240mbit", 60e6, 0.02}, 300e6}}) {
    const Available found = available_of(each.words);
    EXPECT_NEAR(found.bps.value / 100e6, each.bps / 100e6, each.tolerance) << each.words;
    ASSERT_TRUE(found.tight_bps) << each.words;
    EXPECT_NEAR(*found.tight_bps / tight_bps, 1, 0.15) << each.words;
  }
}

TEST(PathElbow, TheRangeHoldsAndNarrowsWithWhatIsKnown) {
  std::vector<SlowedStream> few, many;
  for (int i = 0; i < 160; ++i) {
    const double rate = i % 2 == 0 ? 1 : 0.92 - 0.08 * (i / 2 % 4);
    const double noise = 0.04 * std::sin(i * 2.4);
    const double slowed = std::max(0.0, (rate - 0.6) / 2) + noise;
    many.push_back({rate, slowed, slowed});
    if (i < 24) few.push_back(many.back());
  }
  const auto narrow = fit_elbow(many, 2);
  const auto wide = fit_elbow(few, 2);
  ASSERT_TRUE(narrow && wide);
  EXPECT_LT(narrow->low, 0.6);
  EXPECT_GT(narrow->high, 0.6);
  EXPECT_LT(narrow->high - narrow->low, wide->high - wide->low);
  EXPECT_EQ(narrow->tight, 2);
  EXPECT_FALSE(fit_elbow({}, std::nullopt));
}

}  // namespace
}  // namespace isotach::path
