#include "network/link/rates.h"

#include <gtest/gtest.h>

namespace isotach::network {
namespace {

using kernel::LinkCounter;

LinkSnapshot at(std::int64_t seconds, std::uint64_t rx_bytes, std::uint64_t tx_bytes, kernel::Duplex duplex) {
  Link link;
  link.route.index = 3;
  link.route.name = "eth0";
  link.route.counters_told = true;
  link.route.counters[static_cast<std::size_t>(LinkCounter::rx_bytes)] = rx_bytes;
  link.route.counters[static_cast<std::size_t>(LinkCounter::tx_bytes)] = tx_bytes;
  link.modes.emplace();
  link.modes->speed_mbit_s = 100;
  link.modes->duplex = duplex;
  return {{seconds * kNanosecondsPerSecond, 0}, {link}};
}

TEST(Rates, AreBitsASecond) {
  const LinkSnapshot before = at(10, 1000, 0, kernel::Duplex::full);
  const LinkSnapshot now = at(12, 2501000, 5000000, kernel::Duplex::full);
  const LinkRates rates = rates_between(before, now, now.links[0]);
  EXPECT_DOUBLE_EQ(*rates.rx_bits_s, 1e7);
  EXPECT_DOUBLE_EQ(*rates.tx_bits_s, 2e7);
  EXPECT_DOUBLE_EQ(*rates.share, 0.2) << "the busier direction";
  EXPECT_DOUBLE_EQ(*rates.rx_packets_s, 0);
}

TEST(Rates, HalfDuplexSharesOneMedium) {
  const LinkSnapshot before = at(10, 0, 0, kernel::Duplex::half);
  const LinkSnapshot now = at(11, 2500000, 5000000, kernel::Duplex::half);
  EXPECT_DOUBLE_EQ(*rates_between(before, now, now.links[0]).share, 0.6);
}

TEST(Rates, AreMissingWhereNothingIsKnown) {
  const LinkSnapshot before = at(10, 5000, 0, kernel::Duplex::full);
  LinkSnapshot now = at(11, 10, 0, kernel::Duplex::full);
  EXPECT_FALSE(rates_between(before, now, now.links[0]).rx_bits_s) << "the counter was reset";
  now = at(11, 6000, 0, kernel::Duplex::full);
  now.links[0].modes->speed_mbit_s.reset();
  EXPECT_FALSE(rates_between(before, now, now.links[0]).share) << "of an unknown speed";
  now.links[0].route.counters_told = false;
  EXPECT_FALSE(rates_between(before, now, now.links[0]).rx_bits_s);
  now = at(11, 6000, 0, kernel::Duplex::full);
  now.links[0].route.name = "eth1";
  EXPECT_FALSE(rates_between(before, now, now.links[0]).rx_bits_s) << "another interface with its number";
  now = at(10, 6000, 0, kernel::Duplex::full);
  EXPECT_FALSE(rates_between(before, now, now.links[0]).rx_bits_s) << "no time has passed";
}

TEST(Rates, NamedStatisticsGrow) {
  Link before;
  Link now;
  before.standard = {{"late_collisions", 3}};
  now.standard = {{"fragments", 1}, {"late_collisions", 10}};
  EXPECT_EQ(grown(before, now, "late_collisions"), 7U);
  EXPECT_EQ(grown(before, now, "fragments"), std::nullopt);
}

}  // namespace
}  // namespace isotach::network
