// Rules over protocol counters, each at both sides of its threshold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "doctor/doctor_fixture.h"

namespace isotach::doctor {
namespace {

using kernel::NetworkField;
using testing::ElementsAre;
using testing::IsEmpty;

struct Protocols : Patient {
  Protocols() {
    for (auto* reading : {&before, &now})
      for (auto& value : reading->network.values) value = Value::of(0);
    set(NetworkField::tcp_memory_pressure_pages, 1000);
    set(NetworkField::conntrack_limit, 1000);
  }
  void set(NetworkField field, std::uint64_t value) {
    before.network[field] = now.network[field] = Value::of(value);
  }
  void grow(NetworkField field, std::uint64_t growth) {
    now.network[field] = Value::of(before.network[field].as_unsigned() + growth);
  }
};

TEST(ProtocolRules, RetransmitsNeedAShareAndANumber) {
  Protocols patient;
  patient.grow(NetworkField::tcp_segments_out, 1980);
  patient.grow(NetworkField::tcp_retransmits, 19);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.grow(NetworkField::tcp_retransmits, 20);
  EXPECT_THAT(patient.findings(), ElementsAre("tcp-retransmits warning"));
  patient.grow(NetworkField::tcp_retransmits, 105);
  EXPECT_THAT(patient.findings(), ElementsAre("tcp-retransmits critical"));
  patient.grow(NetworkField::tcp_segments_out, 1'000'000);
  EXPECT_THAT(patient.findings(), IsEmpty());
}

TEST(ProtocolRules, AListenerThatOverflows) {
  Protocols patient;
  patient.set(NetworkField::listen_overflows, 99);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.set(NetworkField::listen_overflows, 100);
  EXPECT_THAT(patient.findings(), ElementsAre("listen-overflow-since-boot info"));
  patient.grow(NetworkField::listen_overflows, 1);
  EXPECT_THAT(patient.findings(), ElementsAre("listen-overflow warning"));
  patient.grow(NetworkField::listen_overflows, 10);
  EXPECT_THAT(patient.findings(), ElementsAre("listen-overflow critical"));
}

TEST(ProtocolRules, SynCookies) {
  Protocols patient;
  patient.grow(NetworkField::syn_cookies_sent, 1);
  EXPECT_THAT(patient.findings(), ElementsAre("syn-cookies warning"));
}

TEST(ProtocolRules, Buffers) {
  Protocols patient;
  patient.grow(NetworkField::backlog_drops, 9);
  patient.grow(NetworkField::receive_pruned, 9);
  patient.grow(NetworkField::receive_queue_drops, 9);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.grow(NetworkField::backlog_drops, 10);
  EXPECT_THAT(patient.findings(), ElementsAre("socket-backlog-drops warning"));
  patient.grow(NetworkField::backlog_drops, 0);
  patient.grow(NetworkField::receive_pruned, 10);
  EXPECT_THAT(patient.findings(), ElementsAre("receive-buffers-full warning"));
}

TEST(ProtocolRules, DatagramsNeedAShareAndANumber) {
  Protocols patient;
  patient.grow(NetworkField::udp_received, 9990);
  patient.grow(NetworkField::udp_receive_buffer_errors, 9);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.grow(NetworkField::udp_receive_buffer_errors, 10);
  EXPECT_THAT(patient.findings(), ElementsAre("udp-receive-drops warning"));
  patient.grow(NetworkField::udp_received, 20000);
  EXPECT_THAT(patient.findings(), IsEmpty());
}

TEST(ProtocolRules, MemoryOfSockets) {
  Protocols patient;
  patient.set(NetworkField::tcp_memory_pages, 899);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.set(NetworkField::tcp_memory_pages, 900);
  EXPECT_THAT(patient.findings(), ElementsAre("tcp-memory warning"));
  patient.grow(NetworkField::aborts_on_memory, 1);
  EXPECT_THAT(patient.findings(), ElementsAre("tcp-memory critical"));
}

TEST(ProtocolRules, PacketsDroppedByACpu) {
  Protocols patient;
  patient.grow(NetworkField::softnet_squeezed, 99);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.grow(NetworkField::softnet_squeezed, 100);
  EXPECT_THAT(patient.findings(), ElementsAre("softnet-squeezed info"));
  patient.grow(NetworkField::softnet_squeezed, 0);
  patient.grow(NetworkField::softnet_dropped, 1);
  EXPECT_THAT(patient.findings(), ElementsAre("softnet-drops warning"));
}

TEST(ProtocolRules, ACpuThatDoesNothingButPackets) {
  Protocols patient;
  const auto ticks = [&](machine::MachineReading& reading, std::uint64_t softirq, std::uint64_t idle) {
    auto& times = reading.cpu.each[1].times.ticks;
    for (auto& value : times) value = Value::of(0);
    times[static_cast<std::size_t>(kernel::CpuField::softirq)] = Value::of(softirq);
    times[static_cast<std::size_t>(kernel::CpuField::idle)] = Value::of(idle);
  };
  for (auto* reading : {&patient.before, &patient.now}) {
    reading->cpu.each[0].number = 0;
    reading->cpu.each[1].number = 1;
  }
  ticks(patient.before, 0, 0);
  ticks(patient.now, 79, 21);
  EXPECT_FALSE(patient.has("softirq-saturated warning"));
  ticks(patient.now, 80, 20);
  EXPECT_TRUE(patient.has("softirq-saturated warning"));
}

TEST(ProtocolRules, TheTableOfTrackedConnections) {
  Protocols patient;
  patient.set(NetworkField::conntrack_entries, 849);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.set(NetworkField::conntrack_entries, 850);
  EXPECT_THAT(patient.findings(), ElementsAre("conntrack-full warning"));
  patient.set(NetworkField::conntrack_entries, 970);
  EXPECT_THAT(patient.findings(), ElementsAre("conntrack-full critical"));
}

TEST(ProtocolRules, WhatIsNotCountedAccusesNobody) {
  Patient patient;
  EXPECT_THAT(patient.findings(), IsEmpty());
}

}  // namespace
}  // namespace isotach::doctor
