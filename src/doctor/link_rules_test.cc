#include "doctor/link_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "doctor/thresholds.h"

namespace isotach::doctor {
namespace {

using kernel::Duplex;
using kernel::LinkCounter;
using kernel::LinkModeSet;
using network::Link;
using network::LinkSnapshot;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr unsigned long long kGigabit = 0x2ef;   // 10, 100 half and full, 1000 full, Autoneg, TP, MII
constexpr unsigned long long kFast = 0x2cf;      // without 1000
constexpr unsigned long long kHalfOnly = 0x245;  // 10 and 100 half, Autoneg
constexpr unsigned long long kFixed = 0x28f;     // 10 and 100, no Autoneg

Link card(const std::string& name, unsigned index = 2) {
  Link link;
  link.route.index = index;
  link.route.name = name;
  link.route.enabled = link.route.running = true;
  link.route.mtu = 1500;
  link.route.counters_told = true;
  link.modes.emplace();
  return link;
}

Link card(unsigned long long supported, unsigned long long advertised, unsigned long long partner,
          std::uint32_t speed, Duplex duplex, bool autonegotiation) {
  Link link = card("eth0");
  if (speed != 0) link.modes->speed_mbit_s = speed;
  link.modes->duplex = duplex;
  link.modes->autonegotiation = autonegotiation;
  link.modes->supported = LinkModeSet(supported);
  link.modes->advertised = LinkModeSet(advertised);
  link.modes->partner = LinkModeSet(partner);
  return link;
}

Diagnosis judged(const Link& link, std::optional<std::uint32_t> expected = std::nullopt) {
  const LinkSnapshot now{{}, {link}};
  return check_links({nullptr, now, expected, {}});
}

std::vector<std::string> ids(const Diagnosis& diagnosis) {
  std::vector<std::string> all;
  for (const Finding& finding : diagnosis.findings)
    all.push_back(finding.id + (finding.severity == Severity::info ? " (info)" : ""));
  return all;
}

constexpr Duplex kFull = Duplex::full;
constexpr Duplex kHalf = Duplex::half;

TEST(LinkSpeed, WhatIsRightIsNotFound) {
  EXPECT_THAT(ids(judged(card(kGigabit, kGigabit, kGigabit, 1000, kFull, true))), IsEmpty());
  EXPECT_THAT(ids(judged(card(kFast, kFast, kGigabit, 100, kFull, true))), IsEmpty()) << "a 100 Mbit/s card";
  EXPECT_THAT(ids(judged(card(kGigabit, kGigabit, 0, 1000, kFull, true))), IsEmpty()) << "partner not told";
  EXPECT_THAT(ids(judged(card(0, 0, 0, 10000, kFull, false))), IsEmpty()) << "veth, tap: no modes";
  EXPECT_THAT(ids(judged(card(1ULL << 43, 0, 0, 10000, kFull, false))), IsEmpty()) << "fibre";
}

TEST(LinkSpeed, WhatIsUnknownIsNotJudged) {
  const Diagnosis unknown = judged(card(kGigabit, kGigabit, 0, 0, Duplex::unknown, true), 1000);
  EXPECT_THAT(unknown.findings, IsEmpty());
  EXPECT_THAT(unknown.not_checked, ElementsAre("eth0: the speed is unknown"));
  const Diagnosis duplex = judged(card(0, 0, 0, 1000, Duplex::unknown, false));
  EXPECT_THAT(duplex.findings, IsEmpty());
  EXPECT_THAT(duplex.not_checked, ElementsAre("eth0: the duplex is unknown"));
  Link silent = card("br0");
  silent.modes.reset();
  EXPECT_THAT(judged(silent).not_checked, ElementsAre("br0: the driver tells no speed"));
}

TEST(LinkSpeed, HalfDuplexIsTracedToItsEnd) {
  const auto title = [](const Link& link) { return judged(link).findings.front().title; };
  EXPECT_THAT(title(card(kGigabit, kGigabit, kHalfOnly, 100, kHalf, true)),
              HasSubstr("the partner offers no other"));
  EXPECT_THAT(title(card(kGigabit, kGigabit, kFixed, 100, kHalf, true)),
              HasSubstr("the partner does not negotiate"));
  EXPECT_THAT(title(card(kGigabit, kHalfOnly, kGigabit, 100, kHalf, true)),
              HasSubstr("this end advertises no other"));
  EXPECT_THAT(title(card(kGigabit, kGigabit, 0, 100, kHalf, false)), HasSubstr("forced at this end"));
  EXPECT_THAT(title(card(kGigabit, kGigabit, kGigabit, 1000, kHalf, true)), HasSubstr("although both sides"));
  EXPECT_THAT(title(card(kGigabit, kGigabit, 0, 100, kHalf, true)), HasSubstr("runs half duplex"));
  EXPECT_THAT(judged(card(kGigabit, kHalfOnly, kGigabit, 100, kHalf, true)).findings.front().remedy,
              "isotach link set eth0 advertise all");
}

TEST(LinkSpeed, BelowWhatBothOfferIsTheCable) {
  EXPECT_THAT(ids(judged(card(kGigabit, kGigabit, kGigabit, 100, kFull, true))), ElementsAre("below-common"));
  EXPECT_THAT(ids(judged(card(kGigabit, kGigabit, kGigabit, 10, kFull, true))), ElementsAre("below-common"));
  EXPECT_THAT(ids(judged(card(kGigabit, kGigabit, kFast, 100, kFull, true))), ElementsAre("partner-slower"));
}

TEST(LinkSpeed, WhatIsNotAdvertisedIsNamed) {
  const Diagnosis narrowed = judged(card(kGigabit, kFast, kGigabit, 100, kFull, true));
  EXPECT_THAT(ids(narrowed), ElementsAre("advertised-narrowed"));
  EXPECT_THAT(narrowed.findings[0].remedy, "isotach link set eth0 advertise all");
  EXPECT_THAT(ids(judged(card(kGigabit, kFast, 0, 100, kFull, true))), ElementsAre("advertised-narrowed"));
  EXPECT_THAT(ids(judged(card(kGigabit, kFast, kFast, 100, kFull, true))), ElementsAre("partner-slower"))
      << "advertising more would not help";
}

TEST(LinkSpeed, ASlowerPartnerIsAProblemOnlyWhereItIsSlow) {
  const unsigned long long ten_gigabit = kGigabit | 1ULL << 12;
  EXPECT_THAT(ids(judged(card(ten_gigabit, ten_gigabit, kGigabit, 1000, kFull, true))),
              ElementsAre("partner-slower (info)"));
  EXPECT_THAT(ids(judged(card(ten_gigabit, ten_gigabit, kFast, 100, kFull, true))),
              ElementsAre("partner-slower"));
  EXPECT_THAT(ids(judged(card(kGigabit, kGigabit, 0, 100, kFull, true))), ElementsAre("below-advertised"));
  EXPECT_THAT(ids(judged(card(ten_gigabit, ten_gigabit, 0, 1000, kFull, true))),
              ElementsAre("below-advertised (info)"));
}

TEST(LinkSpeed, ForcedOnOneSide) {
  EXPECT_THAT(ids(judged(card(kGigabit, kGigabit, kGigabit, 100, kFull, false))),
              ElementsAre("autonegotiation-one-side"));
  EXPECT_THAT(ids(judged(card(kGigabit, kGigabit, 0, 100, kFull, false))),
              ElementsAre("forced-below-supported"));
  EXPECT_THAT(ids(judged(card(kFast, kFast, 0, 100, kFull, false))),
              ElementsAre("autonegotiation-off (info)"));
  EXPECT_THAT(ids(judged(card(kGigabit, kGigabit, kFixed, 100, kHalf, false))),
              ElementsAre("half-duplex", "forced-below-supported"));
  EXPECT_THAT(ids(judged(card(kFast, kFast, kFixed, 100, kHalf, false))), ElementsAre("half-duplex"));
}

TEST(LinkSpeed, BelowWhatIsExpected) {
  const Link link = card(kFast, kFast, kGigabit, 100, kFull, true);
  EXPECT_THAT(ids(judged(link, 100)), IsEmpty());
  EXPECT_THAT(ids(judged(link, 101)), ElementsAre("below-expected"));
}

TEST(LinkState, WithoutACarrierNothingIsSaidOfTheSpeed) {
  Link link = card(kGigabit, kGigabit, kHalfOnly, 10, kHalf, true);
  link.route.running = false;
  EXPECT_THAT(judged(link).findings, IsEmpty());
  EXPECT_THAT(judged(link).not_checked, ElementsAre("eth0: no carrier"));
  link.route.counters[static_cast<std::size_t>(LinkCounter::rx_bytes)] = 1;
  EXPECT_THAT(ids(judged(link)), ElementsAre("link-down")) << "it was in use";
  link.route.enabled = false;
  EXPECT_THAT(judged(link).not_checked, ElementsAre("eth0: not set up"));
}

// Growth between two readings a second apart.
class LinkGrowth : public testing::Test {
 protected:
  LinkGrowth() {
    for (LinkSnapshot* snapshot : {&before_, &now_})
      snapshot->links.push_back(card(kFast, kFast, kGigabit, 100, kFull, true));
    now_.time.monotonic_ns = kNanosecondsPerSecond;
  }
  void grow(LinkCounter counter, std::uint64_t by) {
    now_.links[0].route.counters[static_cast<std::size_t>(counter)] += by;
  }
  void grow(const std::string& statistic, std::uint64_t by) {
    before_.links[0].standard.push_back({statistic, 100});
    now_.links[0].standard.push_back({statistic, 100 + by});
  }
  void set_duplex(Duplex duplex) {
    for (LinkSnapshot* snapshot : {&before_, &now_}) {
      snapshot->links[0].modes->duplex = duplex;
      // Only growth is looked at here.
      snapshot->links[0].modes->autonegotiation.reset();
    }
  }
  std::vector<std::string> found() const { return ids(check_links({&before_, now_, {}, {}})); }

  LinkSnapshot before_, now_;
};

TEST_F(LinkGrowth, ErrorsAtTheThreshold) {
  grow(LinkCounter::rx_packets, 1000);
  grow(LinkCounter::rx_errors, static_cast<std::uint64_t>(kPacketsDamagedAtLeast) - 1);
  EXPECT_THAT(found(), IsEmpty());
  grow(LinkCounter::rx_errors, 1);
  EXPECT_THAT(found(), ElementsAre("interface-errors"));
}

TEST_F(LinkGrowth, ErrorsAmongManyPackets) {
  grow(LinkCounter::tx_packets, 200'000 - 20);
  grow(LinkCounter::tx_errors, 19);
  EXPECT_THAT(found(), IsEmpty()) << "less than one in ten thousand";
  grow(LinkCounter::tx_errors, 1);
  EXPECT_THAT(found(), ElementsAre("interface-errors"));
}

TEST_F(LinkGrowth, DropsAtTheThreshold) {
  grow(LinkCounter::tx_packets, 100);
  grow(LinkCounter::tx_dropped, static_cast<std::uint64_t>(kPacketsDroppedAtLeast) - 1);
  EXPECT_THAT(found(), IsEmpty());
  grow(LinkCounter::tx_dropped, 1);
  EXPECT_THAT(found(), ElementsAre("interface-drops"));
}

TEST_F(LinkGrowth, OldErrorsDoNotCount) {
  for (LinkSnapshot* snapshot : {&before_, &now_})
    snapshot->links[0].route.counters[static_cast<std::size_t>(LinkCounter::rx_errors)] = 1'000'000;
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(LinkGrowth, LateCollisionsAreADuplexMismatch) {
  set_duplex(kHalf);
  grow("late_collisions", 0);
  EXPECT_THAT(found(), ElementsAre("half-duplex"));
  now_.links[0].standard[0].value += 1;
  EXPECT_THAT(found(), ElementsAre("duplex-mismatch", "half-duplex"));
}

TEST_F(LinkGrowth, LateCollisionsOfDriversThatCountThemAsWindowErrors) {
  set_duplex(kHalf);
  grow(LinkCounter::tx_window_errors, 1);
  EXPECT_THAT(found(), ElementsAre("duplex-mismatch", "half-duplex"));
}

TEST_F(LinkGrowth, DamagedAndShortFramesAreADuplexMismatch) {
  grow(LinkCounter::rx_packets, 1000);
  grow(LinkCounter::rx_crc_errors, 10);
  grow(LinkCounter::rx_errors, 10);
  EXPECT_THAT(found(), ElementsAre("interface-errors")) << "a bad cable makes no short frames";
  grow("fragments", static_cast<std::uint64_t>(kRuntsAtLeast) - 1);
  EXPECT_THAT(found(), ElementsAre("interface-errors"));
  now_.links[0].standard[0].value += 1;
  EXPECT_THAT(found(), ElementsAre("duplex-mismatch"));
}

// Several interfaces that belong together.
class LinkNeighbours : public testing::Test {
 protected:
  Link& add(const std::string& name, std::uint32_t mtu) {
    now_.links.push_back(card(name, static_cast<unsigned>(now_.links.size()) + 2));
    now_.links.back().route.mtu = mtu;
    now_.links.back().modes->speed_mbit_s = 1000;
    now_.links.back().modes->duplex = kFull;
    return now_.links.back();
  }
  Diagnosis found(const std::string& only = {}) const { return check_links({nullptr, now_, {}, only}); }

  LinkSnapshot now_;
};

TEST_F(LinkNeighbours, TheOtherEndOfAVeth) {
  for (const auto& [name, mtu, lower] : {std::tuple("v0", 1500U, 3U), std::tuple("v1", 9000U, 2U)}) {
    Link& link = add(name, mtu);
    link.route.kind = "veth";
    link.route.lower = lower;
  }
  EXPECT_THAT(ids(found()), ElementsAre("mtu-differs-from-peer")) << "said once";
  EXPECT_EQ(found().findings[0].remedy, "isotach link set v0 mtu 9000");
  EXPECT_EQ(found("v1").findings.at(0).remedy, "isotach link set v1 mtu 1500");
  now_.links[0].route.mtu = 9000;
  EXPECT_THAT(found().findings, IsEmpty());
}

TEST_F(LinkNeighbours, AVethIntoAnotherNamespace) {
  Link& link = add("v0", 1500);
  link.route.kind = "veth";
  link.route.lower = 2;  // a number of the other namespace
  link.route.lower_namespace = 0;
  EXPECT_THAT(found().findings, IsEmpty()) << "what cannot be read is not judged";
  now_.links[0].far.emplace();
  now_.links[0].far->name = "eth0";
  now_.links[0].far->mtu = 1400;
  EXPECT_THAT(ids(found()), ElementsAre("mtu-differs-from-peer"));
}

TEST_F(LinkNeighbours, AVlanLargerThanItsParent) {
  add("eth0", 1500);
  Link& vlan = add("eth0.5", 1500);
  vlan.route.kind = "vlan";
  vlan.route.lower = 2;
  EXPECT_THAT(found().findings, IsEmpty());
  now_.links[1].route.mtu = 1501;
  EXPECT_THAT(ids(found()), ElementsAre("vlan-mtu"));
  now_.links[1].route.mtu = 1499;
  EXPECT_THAT(ids(found()), ElementsAre("vlan-mtu (info)"));
}

TEST_F(LinkNeighbours, AMemberOfABridge) {
  add("br0", 1500);
  Link& member = add("eth0", 1500);
  member.route.master = 2;
  member.route.member_kind = "bridge";
  EXPECT_THAT(found().findings, IsEmpty());
  now_.links[1].route.mtu = 9000;
  EXPECT_THAT(ids(found()), ElementsAre("bridge-member-mtu"));
}

TEST_F(LinkNeighbours, AMemberOfABond) {
  add("bond0", 1500);
  for (const char* name : {"eth0", "eth1"}) {
    Link& member = add(name, 1500);
    member.route.master = 2;
    member.route.member_kind = "bond";
  }
  EXPECT_THAT(found().findings, IsEmpty());
  now_.links[1].modes->speed_mbit_s = 100;
  EXPECT_THAT(ids(found()), ElementsAre("bond-member-differs"));
  EXPECT_EQ(found().findings[0].subject, "eth0");
  now_.links[1].modes->speed_mbit_s.reset();
  EXPECT_THAT(found().findings, IsEmpty()) << "unknown is not slower";
  now_.links[2].route.mtu = 1400;
  EXPECT_THAT(ids(found()), ElementsAre("bond-member-differs"));
}

TEST(LinkRules, TheGravestStandsFirstAndLoopbackIsLeftOut) {
  Link lo = card("lo", 1);
  lo.route.loopback = true;
  lo.modes.reset();
  const unsigned long long ten_gigabit = kGigabit | 1ULL << 12;
  Link info = card(ten_gigabit, ten_gigabit, kGigabit, 1000, kFull, true);
  Link bad = card(kGigabit, kGigabit, kHalfOnly, 100, kHalf, true);
  bad.route.name = "eth1";
  bad.route.index = 3;
  const LinkSnapshot now{{}, {lo, info, bad}};
  const Diagnosis diagnosis = check_links({nullptr, now, {}, {}});
  EXPECT_THAT(ids(diagnosis), ElementsAre("half-duplex", "partner-slower (info)"));
  EXPECT_THAT(diagnosis.not_checked, IsEmpty());
}

}  // namespace
}  // namespace isotach::doctor
