// CPU, disks and interfaces: each rule at both sides of its threshold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "doctor/doctor_fixture.h"

namespace isotach::doctor {
namespace {

using kernel::CpuField;
using kernel::DiskCounter;
using kernel::InterfaceCounter;
using kernel::InterfaceReading;
using kernel::MemoryField;
using machine::MachineReading;
using testing::ElementsAre;
using testing::IsEmpty;

void queue(Patient& patient, std::uint64_t before, std::uint64_t now) {
  patient.before.cpu.processes_running = Value::of(before);
  patient.now.cpu.processes_running = Value::of(now);
}

TEST(CpuSaturated, NeedsBusyCpusAndAQueueAtBothMoments) {
  Patient patient;
  patient.cpu(CpuField::user, 190);
  patient.cpu(CpuField::idle, 10);
  queue(patient, 4, 4);
  EXPECT_THAT(patient.findings(), ElementsAre("cpu-saturated warning"));
  queue(patient, 4, 3);
  EXPECT_THAT(patient.findings(), IsEmpty());
  queue(patient, 4, 4);
  patient.cpu(CpuField::user, 178);
  patient.cpu(CpuField::idle, 22);
  EXPECT_THAT(patient.findings(), IsEmpty());
}

TEST(CpuPressure, SpeaksFromHalfOfTheTimeOn) {
  Patient patient;
  patient.stall(&MachineReading::cpu_pressure, 0.49);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.stall(&MachineReading::cpu_pressure, 0.51);
  EXPECT_THAT(patient.findings(), ElementsAre("cpu-pressure warning"));
}

TEST(CpuPressure, WhatIsUnknownIsNotNought) {
  Patient patient;
  patient.elapsed_s = 0;
  patient.now.cpu_pressure.some.avg10_percent = Value::of_real(90);
  EXPECT_THAT(patient.findings(), ElementsAre("cpu-pressure warning"));
  EXPECT_THAT(patient.diagnosis().findings[0].evidence, testing::Not(testing::HasSubstr("busy")));
}

TEST(CpuSteal, WarnsAtFiveAndAlarmsAtTwentyPercent) {
  Patient patient;
  patient.cpu(CpuField::idle, 951);
  patient.cpu(CpuField::steal, 49);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.cpu(CpuField::idle, 950);
  patient.cpu(CpuField::steal, 50);
  EXPECT_THAT(patient.findings(), ElementsAre("cpu-steal warning"));
  patient.cpu(CpuField::idle, 800);
  patient.cpu(CpuField::steal, 200);
  EXPECT_THAT(patient.findings(), ElementsAre("cpu-steal critical"));
}

TEST(CpuIowait, SpeaksFromAFifthOn) {
  Patient patient;
  patient.cpu(CpuField::idle, 161);
  patient.cpu(CpuField::iowait, 39);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.cpu(CpuField::idle, 160);
  patient.cpu(CpuField::iowait, 40);
  EXPECT_THAT(patient.findings(), ElementsAre("cpu-iowait warning"));
}

TEST(Cpu, CountersGoingBackwardsAccuseNobody) {
  Patient patient;
  for (auto& value : patient.now.cpu.all.ticks) value = Value::of(1);
  EXPECT_THAT(patient.findings(), IsEmpty());
}

TEST(IoPressure, SomeAndFullHaveTheirOwnThresholds) {
  Patient patient;
  patient.stall(&MachineReading::io_pressure, 0.39, 0.19);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.stall(&MachineReading::io_pressure, 0.41, 0.19);
  EXPECT_THAT(patient.findings(), ElementsAre("io-pressure warning"));
  patient.stall(&MachineReading::io_pressure, 0.3, 0.21);
  EXPECT_THAT(patient.findings(), ElementsAre("io-pressure warning"));
  patient.stall(&MachineReading::io_pressure, 0.6, 0.51);
  EXPECT_THAT(patient.findings(), ElementsAre("io-pressure critical"));
}

TEST(Writeback, NeedsAShareAndAnAmount) {
  Patient patient;
  patient.memory(MemoryField::dirty, 0.149 * 6 * kGiBInKiB);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.memory(MemoryField::dirty, 0.151 * 6 * kGiBInKiB);
  EXPECT_THAT(patient.findings(), ElementsAre("writeback-backlog warning"));
  // A small machine reaches the share with next to nothing.
  patient.memory(MemoryField::total, 1.0 * kGiBInKiB);
  patient.memory(MemoryField::available, 0.5 * kGiBInKiB);
  patient.memory(MemoryField::dirty, 0.2 * kGiBInKiB);
  EXPECT_THAT(patient.findings(), IsEmpty());
}

TEST(Writeback, MuchUnderWayCountsWhereTasksWaitForIt) {
  Patient patient;
  patient.memory(MemoryField::writeback, 512.0 * 1024);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.stall(&MachineReading::io_pressure, 0.15, 0.11);
  EXPECT_THAT(patient.findings(), ElementsAre("writeback-backlog warning"));
  patient.memory(MemoryField::writeback, 511.0 * 1024);
  EXPECT_THAT(patient.findings(), IsEmpty());
}

// A disk that was busy `busy_ms` of a second with `requests` that took `request_ms` each.
void disk(Patient& patient, const std::string& name, std::uint64_t busy_ms, std::uint64_t requests,
          std::uint64_t request_ms) {
  kernel::DiskReading reading;
  reading.name = name;
  reading.counter_count = kernel::kDiskCounterCount;
  patient.before.disks = {reading};
  reading.counters[static_cast<std::size_t>(DiskCounter::io_ms)] = busy_ms;
  reading.counters[static_cast<std::size_t>(DiskCounter::reads)] = requests;
  reading.counters[static_cast<std::size_t>(DiskCounter::read_ms)] = requests * request_ms;
  patient.now.disks = {reading};
}

TEST(DiskSlow, NeedsABusyDiskAndSlowRequests) {
  Patient patient;
  disk(patient, "sda", 900, 10, 50);
  EXPECT_THAT(patient.findings(), ElementsAre("disk-slow warning"));
  disk(patient, "sda", 899, 10, 50);
  EXPECT_THAT(patient.findings(), IsEmpty());
  disk(patient, "sda", 900, 10, 49);
  EXPECT_THAT(patient.findings(), IsEmpty());
  disk(patient, "loop0", 900, 10, 50);
  EXPECT_THAT(patient.findings(), IsEmpty()) << "what stands behind it is looked at itself";
}

std::uint64_t& counter(InterfaceReading& interface, InterfaceCounter which) {
  return interface.counters[static_cast<std::size_t>(which)];
}

TEST(InterfaceErrors, NeedAShareAndANumber) {
  Patient patient;
  InterfaceReading& eth0 = patient.interface("eth0", 90000);
  counter(eth0, InterfaceCounter::receive_errors) = 9;
  EXPECT_THAT(patient.findings(), IsEmpty());
  counter(eth0, InterfaceCounter::receive_errors) = 10;
  EXPECT_THAT(patient.findings(), ElementsAre("interface-errors warning"));
  counter(eth0, InterfaceCounter::receive_errors) = 1000;
  EXPECT_THAT(patient.findings(), ElementsAre("interface-errors critical"));
  counter(eth0, InterfaceCounter::receive_packets) += 1'000'000'000;
  EXPECT_THAT(patient.findings(), IsEmpty()) << "one in a million";
}

TEST(InterfaceDrops, NeedAShareAndANumber) {
  Patient patient;
  InterfaceReading& eth0 = patient.interface("eth0", 1000);
  counter(eth0, InterfaceCounter::receive_drops) = 9;
  EXPECT_THAT(patient.findings(), IsEmpty());
  counter(eth0, InterfaceCounter::receive_drops) = 10;
  EXPECT_THAT(patient.findings(), ElementsAre("interface-drops warning"));
  counter(eth0, InterfaceCounter::receive_packets) = 1000 + 10000;
  EXPECT_THAT(patient.findings(), IsEmpty());
}

TEST(InterfaceSinceBoot, OldTroubleIsToldNotWarnedAbout) {
  Patient patient;
  InterfaceReading& eth0 = patient.interface("eth0", 40000);
  counter(eth0, InterfaceCounter::receive_errors) = 99;
  counter(patient.before.interfaces[0], InterfaceCounter::receive_errors) = 99;
  EXPECT_THAT(patient.findings(), IsEmpty());
  counter(eth0, InterfaceCounter::receive_errors) = 100;
  counter(patient.before.interfaces[0], InterfaceCounter::receive_errors) = 100;
  EXPECT_THAT(patient.findings(), ElementsAre("interface-errors-since-boot info"));
}

TEST(InterfaceSinceBoot, DropsNeedMore) {
  Patient patient;
  InterfaceReading& eth0 = patient.interface("eth0", 49500);
  for (InterfaceReading* reading : {&eth0, &patient.before.interfaces[0]})
    counter(*reading, InterfaceCounter::receive_drops) = 999;
  EXPECT_THAT(patient.findings(), IsEmpty());
  for (InterfaceReading* reading : {&eth0, &patient.before.interfaces[0]})
    counter(*reading, InterfaceCounter::receive_drops) = 1000;
  EXPECT_THAT(patient.findings(), ElementsAre("interface-drops-since-boot info"));
}

TEST(Interface, ACounterThatWasResetIsNoFlood) {
  Patient patient;
  patient.interface("eth0", 1000);
  counter(patient.before.interfaces[0], InterfaceCounter::receive_bytes) = ~std::uint64_t{0} / 2;
  patient.link("eth0");
  EXPECT_THAT(patient.findings(), IsEmpty());
}

TEST(Link, HalfDuplex) {
  Patient patient;
  patient.interface("eth0", 10);
  auto& link = patient.link("eth0");
  EXPECT_THAT(patient.findings(), IsEmpty());
  link.full_duplex = Value::of(0);
  EXPECT_THAT(patient.findings(), ElementsAre("half-duplex warning"));
  link.full_duplex = Missing::not_supported;
  EXPECT_THAT(patient.findings(), IsEmpty());
}

TEST(Link, SlowOnlyOnRealDevices) {
  Patient patient;
  patient.interface("eth0", 10);
  auto& link = patient.link("eth0");
  link.speed_mbit_s = Value::of(101);
  EXPECT_THAT(patient.findings(), IsEmpty());
  link.speed_mbit_s = Value::of(100);
  EXPECT_THAT(patient.findings(), ElementsAre("slow-link warning"));
  link.physical = Value::of(0);
  EXPECT_THAT(patient.findings(), IsEmpty()) << "a tap device always says 10 Mbit/s";
  link.physical = Value::of(1);
  link.speed_mbit_s = Missing::not_supported;
  EXPECT_THAT(patient.findings(), IsEmpty());
}

TEST(Link, DownAfterUse) {
  Patient patient;
  patient.interface("eth0", 10);
  auto& link = patient.link("eth0");
  link.up = Value::of(0);
  EXPECT_THAT(patient.findings(), ElementsAre("link-down warning"));
  link.enabled = Value::of(0);
  EXPECT_THAT(patient.findings(), IsEmpty()) << "an administrator has switched it off";
  link.enabled = Value::of(1);
  counter(patient.now.interfaces[0], InterfaceCounter::receive_bytes) = 0;
  counter(patient.before.interfaces[0], InterfaceCounter::receive_bytes) = 0;
  EXPECT_THAT(patient.findings(), IsEmpty()) << "never used";
}

TEST(Link, NearItsSpeed) {
  Patient patient;
  InterfaceReading& eth0 = patient.interface("eth0", 10);
  patient.link("eth0");
  const std::uint64_t before = patient.before.interfaces[0][InterfaceCounter::receive_bytes];
  counter(eth0, InterfaceCounter::receive_bytes) = before + 105'000'000 /* 84 % */;
  EXPECT_THAT(patient.findings(), IsEmpty());
  counter(eth0, InterfaceCounter::receive_bytes) = before + 107'500'000 /* 86 % */;
  EXPECT_THAT(patient.findings(), ElementsAre("link-saturated warning"));
}

TEST(Doctor, AThousandBrokenInterfacesAreBounded) {
  Patient patient;
  for (int i = 0; i < 1000; ++i)
    counter(patient.interface("eth" + std::to_string(i), 1000), InterfaceCounter::receive_errors) = 500;
  EXPECT_EQ(patient.diagnosis().findings.size(), kFindingLimit);
  EXPECT_THAT(patient.diagnosis().not_checked, testing::Contains(testing::HasSubstr("936 further")));
}

}  // namespace
}  // namespace isotach::doctor
