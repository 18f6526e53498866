// Each rule at both sides of its threshold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "doctor/doctor_fixture.h"

namespace isotach::doctor {
namespace {

using kernel::KsmField;
using kernel::MemoryField;
using kernel::VmCounter;
using machine::MachineReading;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr double kTotalKiB = 8.0 * kGiBInKiB;

TEST(Doctor, AHealthyMachineHasNoFindings) {
  const Patient patient;
  EXPECT_THAT(patient.findings(), IsEmpty());
  EXPECT_THAT(patient.diagnosis().not_checked, IsEmpty());
}

TEST(Doctor, AMachineThatTellsNothingIsNotAccused) {
  Patient patient;
  patient.before = patient.now = MachineReading();
  EXPECT_THAT(patient.findings(), IsEmpty());
  EXPECT_THAT(patient.diagnosis().not_checked, testing::SizeIs(2)) << "PSI and KSM";
}

TEST(Doctor, OneReadingIsJudgedByItsLevelsAlone) {
  Patient patient;
  patient.elapsed_s = 0;
  patient.vm(VmCounter::swapped_in_pages, 1'000'000);
  patient.vm(VmCounter::swapped_out_pages, 1'000'000);
  patient.vm(VmCounter::major_faults, 1'000'000);
  EXPECT_THAT(patient.findings(), IsEmpty());
}

TEST(Doctor, AMachineJustStartedDoesNotDivideByZero) {
  Patient patient;
  patient.before = patient.now;
  patient.elapsed_s = 1e-9;
  EXPECT_THAT(patient.findings(), IsEmpty());
}

TEST(MemoryLow, SpeaksBelowTenPercentWherePressureIsFelt) {
  Patient patient;
  patient.stall(&MachineReading::memory_pressure, 0.02);
  patient.memory(MemoryField::available, kTotalKiB * 0.101);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.memory(MemoryField::available, kTotalKiB * 0.099);
  EXPECT_THAT(patient.findings(), ElementsAre("memory-low warning"));
  patient.memory(MemoryField::available, kTotalKiB * 0.049);
  EXPECT_THAT(patient.findings(), ElementsAre("memory-low critical"));
}

TEST(MemoryLow, IsCalmerWhereNothingStalls) {
  Patient patient;
  patient.memory(MemoryField::available, kTotalKiB * 0.099);
  EXPECT_THAT(patient.findings(), ElementsAre("memory-low info"));
  patient.memory(MemoryField::available, kTotalKiB * 0.049);
  EXPECT_THAT(patient.findings(), ElementsAre("memory-low warning"));
}

TEST(MemoryLow, WithoutPressureOrAvailableUsesWhatThereIs) {
  Patient patient;
  patient.before.memory_pressure = patient.now.memory_pressure = {};
  patient.memory(MemoryField::available, Missing::not_supported);
  patient.memory(MemoryField::free, kTotalKiB * 0.04);
  EXPECT_THAT(patient.findings(), ElementsAre("memory-low critical"));
}

TEST(Oom, KillsNowAreCriticalEarlierOnesAreTold) {
  Patient patient;
  patient.vm(VmCounter::oom_kills, 1);
  EXPECT_THAT(patient.findings(), ElementsAre("oom-kills critical"));
  patient.before.vm.values = patient.now.vm.values;
  EXPECT_THAT(patient.findings(), ElementsAre("oom-kills-since-boot info"));
}

TEST(MemoryPressure, SpeaksFromTenPercentOn) {
  Patient patient;
  patient.stall(&MachineReading::memory_pressure, 0.099);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.stall(&MachineReading::memory_pressure, 0.101);
  EXPECT_THAT(patient.findings(), ElementsAre("memory-pressure warning"));
  patient.stall(&MachineReading::memory_pressure, 0.101, 0.101);
  EXPECT_THAT(patient.findings(), ElementsAre("memory-pressure critical"));
}

TEST(MemoryPressure, FallsBackToTheKernelsAverage) {
  Patient patient;
  patient.elapsed_s = 0;
  patient.now.memory_pressure.some.avg10_percent = Value::of_real(9.9);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.now.memory_pressure.some.avg10_percent = Value::of_real(10.1);
  EXPECT_THAT(patient.findings(), ElementsAre("memory-pressure warning"));
}

TEST(FileThrashing, NeedsMajorFaultsAndPressure) {
  Patient patient;
  patient.stall(&MachineReading::memory_pressure, 0.06);
  patient.vm(VmCounter::major_faults, 99);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.vm(VmCounter::major_faults, 100);
  EXPECT_THAT(patient.findings(), ElementsAre("file-thrashing warning"));
  patient.stall(&MachineReading::memory_pressure, 0.04);
  EXPECT_THAT(patient.findings(), IsEmpty());
}

TEST(Swap, AbsentSwapMattersOnlyWhereMemoryIsShort) {
  Patient patient;
  patient.memory(MemoryField::swap_total, 0);
  patient.memory(MemoryField::swap_free, 0);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.memory(MemoryField::available, kTotalKiB * 0.09);
  EXPECT_TRUE(patient.has("no-swap warning"));
}

TEST(Swap, NearlyFull) {
  Patient patient;
  const double swap_kib = 2.0 * kGiBInKiB;
  patient.memory(MemoryField::swap_free, swap_kib * 0.21);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.memory(MemoryField::swap_free, swap_kib * 0.19);
  EXPECT_THAT(patient.findings(), ElementsAre("swap-full warning"));
  patient.memory(MemoryField::swap_free, swap_kib * 0.04);
  EXPECT_THAT(patient.findings(), ElementsAre("swap-full warning")) << "memory is there";
  patient.memory(MemoryField::available, kTotalKiB * 0.09);
  EXPECT_TRUE(patient.has("swap-full critical"));
}

TEST(Swap, FreeBeyondTotalIsNotUsedSwap) {
  Patient patient;
  patient.memory(MemoryField::swap_free, 4.0 * kGiBInKiB);
  EXPECT_THAT(patient.findings(), IsEmpty());
}

TEST(Thrashing, NeedsBothDirectionsAndPressure) {
  Patient patient;
  patient.stall(&MachineReading::memory_pressure, 0.06);
  patient.vm(VmCounter::swapped_in_pages, 256);
  EXPECT_THAT(patient.findings(), IsEmpty()) << "one direction is a program waking up";
  patient.vm(VmCounter::swapped_out_pages, 255);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.vm(VmCounter::swapped_out_pages, 256);
  EXPECT_THAT(patient.findings(), ElementsAre("swap-thrashing warning"));
  patient.stall(&MachineReading::memory_pressure, 0.04);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.stall(&MachineReading::memory_pressure, 0.25, 0.21);
  EXPECT_TRUE(patient.has("swap-thrashing critical"));
}

TEST(Thrashing, WithoutPressureOnlyAFloodCounts) {
  Patient patient;
  patient.before.memory_pressure = patient.now.memory_pressure = {};
  patient.vm(VmCounter::swapped_in_pages, 1023);
  patient.vm(VmCounter::swapped_out_pages, 1023);
  EXPECT_THAT(patient.findings(), IsEmpty());
  patient.vm(VmCounter::swapped_in_pages, 1024);
  patient.vm(VmCounter::swapped_out_pages, 1024);
  EXPECT_THAT(patient.findings(), ElementsAre("swap-thrashing warning"));
}

TEST(Thrashing, CountersThatWereResetAreNoFlood) {
  Patient patient;
  patient.now.vm.values[static_cast<std::size_t>(VmCounter::swapped_in_pages)] = Value::of(1);
  patient.now.vm.values[static_cast<std::size_t>(VmCounter::swapped_out_pages)] = Value::of(1);
  EXPECT_THAT(patient.findings(), IsEmpty());
}

class KsmTest : public testing::Test {
 protected:
  KsmTest() {
    patient_.ksm(KsmField::run, Value::of(1));
    patient_.ksm(KsmField::pages_to_scan, Value::of(100));
    patient_.ksm(KsmField::sleep_millisecs, Value::of(20));
  }
  Patient patient_;
};

TEST_F(KsmTest, CostsMoreThanItSaves) {
  patient_.ksm(KsmField::general_profit_bytes, Value::of(0));
  EXPECT_THAT(patient_.findings(), IsEmpty());
  patient_.ksm(KsmField::general_profit_bytes, Value::of_signed(-1));
  EXPECT_THAT(patient_.findings(), ElementsAre("ksm-loss warning"));
  patient_.ksm(KsmField::run, Value::of(0));
  EXPECT_THAT(patient_.findings(), IsEmpty()) << "it is off";
}

TEST_F(KsmTest, ScansNothing) {
  patient_.ksm(KsmField::pages_to_scan, Value::of(1));
  EXPECT_THAT(patient_.findings(), IsEmpty());
  patient_.ksm(KsmField::pages_to_scan, Value::of(0));
  EXPECT_THAT(patient_.findings(), ElementsAre("ksm-idle warning"));
}

TEST_F(KsmTest, RunsAway) {
  patient_.ksm(KsmField::pages_to_scan, Value::of(9999));
  EXPECT_THAT(patient_.findings(), IsEmpty());
  patient_.ksm(KsmField::pages_to_scan, Value::of(10000));
  EXPECT_THAT(patient_.findings(), ElementsAre("ksm-runaway warning"));
  patient_.ksm(KsmField::pages_to_scan, Value::of(1));
  patient_.ksm(KsmField::sleep_millisecs, Value::of(0));
  EXPECT_THAT(patient_.findings(), ElementsAre("ksm-runaway warning"));
  patient_.ksm(KsmField::sleep_millisecs, Value::of(1));
  EXPECT_THAT(patient_.findings(), IsEmpty());
}

TEST(Doctor, TheGravestComesFirst) {
  Patient patient;
  patient.vm(VmCounter::oom_kills, 1);
  patient.memory(MemoryField::available, kTotalKiB * 0.09);
  patient.memory(MemoryField::swap_free, 0);
  EXPECT_EQ(patient.findings().front(), "oom-kills critical");
  EXPECT_EQ(patient.findings().back(), "memory-low info");
  EXPECT_TRUE(patient.diagnosis().has(Severity::critical));
}

TEST(Doctor, EveryFindingSaysWhatItSawAndWhatToDo) {
  Patient patient;
  patient.vm(VmCounter::oom_kills, 1);
  patient.memory(MemoryField::available, kTotalKiB * 0.01);
  patient.memory(MemoryField::swap_free, 0);
  patient.stall(&MachineReading::memory_pressure, 0.9, 0.9);
  for (const Finding& finding : patient.diagnosis().findings) {
    EXPECT_FALSE(finding.title.empty()) << finding.id;
    EXPECT_FALSE(finding.remedy.empty()) << finding.id;
    EXPECT_TRUE(finding.evidence.find_first_of("0123456789") != std::string::npos) << finding.id;
  }
}

}  // namespace
}  // namespace isotach::doctor
