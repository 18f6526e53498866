// Readers on files: live ones, saved trees, files that grow, vanish or cannot be read.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "kernel/cpu_stat.h"
#include "kernel/disks.h"
#include "kernel/interfaces.h"
#include "kernel/kept_file.h"
#include "kernel/ksm.h"
#include "kernel/meminfo.h"
#include "kernel/pressure.h"
#include "kernel/swap_devices.h"
#include "kernel/uptime.h"
#include "kernel/vm_counters.h"

namespace isotach::kernel {
namespace {

class SavedTree : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = ::testing::TempDir() + "isotach_tree_" + std::to_string(::getpid()) + info->name();
    std::filesystem::create_directories(folder_ + "/proc/net");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& relative, const std::string& text) const {
    const std::filesystem::path path = folder_ + '/' + relative;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  [[nodiscard]] SystemRoot root() const { return SystemRoot(folder_); }

  std::string folder_;
};

TEST_F(SavedTree, PathsLeadThere) {
  EXPECT_EQ(SystemRoot().path("proc/stat"), "/proc/stat");
  EXPECT_EQ(root().path("proc/stat"), folder_ + "/proc/stat");
  EXPECT_FALSE(root().is_live());
  // The copy of a proc folder itself.
  EXPECT_EQ(SystemRoot(folder_ + "/proc").path("proc/stat"), folder_ + "/proc/stat");
  EXPECT_EQ(SystemRoot(folder_ + "/proc").path("sys/kernel"), folder_ + "/proc/sys/kernel");
}

TEST_F(SavedTree, AFileThatGrowsShrinksAndVanishesIsReadAsItIs) {
  KeptFile file(root(), "proc/grows");
  EXPECT_EQ(file.read().error().errno_value, ENOENT);
  write("proc/grows", "short");
  EXPECT_EQ(file.read().value(), "short");
  const std::string large(300'000, 'x');
  write("proc/grows", large);
  EXPECT_EQ(file.read().value(), large);
  write("proc/grows", "");
  EXPECT_EQ(file.read().value(), "");
  std::filesystem::remove(folder_ + "/proc/grows");
  EXPECT_EQ(file.read().error().errno_value, ENOENT);
  write("proc/grows", "back");
  EXPECT_EQ(file.read().value(), "back");
}

TEST_F(SavedTree, FoldersPipesAndEndlessFilesAreErrors) {
  std::filesystem::create_directory(folder_ + "/proc/folder");
  EXPECT_EQ(KeptFile(root(), "proc/folder").read().error().errno_value, EISDIR);
  ASSERT_EQ(::mkfifo((folder_ + "/proc/pipe").c_str(), 0600), 0);
  EXPECT_FALSE(KeptFile(root(), "proc/pipe").read());  // and does not wait for a writer
  std::filesystem::create_symlink("/dev/zero", folder_ + "/proc/endless");
  EXPECT_EQ(KeptFile(root(), "proc/endless").read().error().errno_value, EFBIG);
}

TEST_F(SavedTree, MeminfoAndVmstat) {
  write("proc/meminfo", "MemTotal: 100 kB\nMemFree: 40 kB\nSwapTotal: x kB\n");
  MemoryReader memory(root());
  MemoryReading reading;
  ASSERT_TRUE(memory.read(reading));
  EXPECT_EQ(reading.number(MemoryField::total), 100u);
  EXPECT_EQ(reading[MemoryField::free], Value::of(40));
  EXPECT_EQ(reading[MemoryField::available], Value(Missing::not_supported));
  EXPECT_EQ(reading[MemoryField::swap_total], Value(Missing::malformed));
  EXPECT_EQ(reading.number(MemoryField::swap_total), 0u);

  VmCounterReader counters(root());
  VmCounterReading vm;
  EXPECT_FALSE(counters.read(vm));
  write("proc/vmstat", "pgpgin 5\npgpgout 6\nnr_free_pages 7\npgfault 18446744073709551615");
  ASSERT_TRUE(counters.read(vm));
  EXPECT_EQ(vm.number(VmCounter::paged_in_kib), 5u);
  EXPECT_EQ(vm[VmCounter::faults], Value::of(18446744073709551615u));
  EXPECT_EQ(vm[VmCounter::oom_kills], Value(Missing::not_supported));
}

TEST_F(SavedTree, EveryKeyIsNamedOnce) {
  std::string meminfo;
  for (std::size_t i = 0; i < kMemoryFieldCount; ++i)
    meminfo +=
        std::string(memory_field_key(static_cast<MemoryField>(i))) + ": " + std::to_string(i) + " kB\n";
  write("proc/meminfo", meminfo);
  MemoryReader memory(root());
  MemoryReading reading;
  ASSERT_TRUE(memory.read(reading));
  for (std::size_t i = 0; i < kMemoryFieldCount; ++i) EXPECT_EQ(reading.kib[i], Value::of(i));

  std::string vmstat;
  for (std::size_t i = 0; i < kVmCounterCount; ++i)
    vmstat += std::string(vm_counter_key(static_cast<VmCounter>(i))) + " " + std::to_string(i) + "\n";
  write("proc/vmstat", vmstat);
  VmCounterReader counters(root());
  VmCounterReading vm;
  ASSERT_TRUE(counters.read(vm));
  for (std::size_t i = 0; i < kVmCounterCount; ++i) EXPECT_EQ(vm.values[i], Value::of(i));
}

TEST_F(SavedTree, OptionalFilesMayBeMissing) {
  PressureReader pressure(root(), "memory");
  PressureReading stalled;
  pressure.read(stalled);
  EXPECT_EQ(stalled.some.total_us, Value(Missing::not_supported));

  KsmReader ksm(root());
  KsmReading merged;
  write("sys/kernel/mm/ksm/run", "1\n");
  write("sys/kernel/mm/ksm/general_profit", "-8192\n");
  write("sys/kernel/mm/ksm/pages_shared", "lots\n");
  ksm.read(merged);
  EXPECT_EQ(merged[KsmField::run], Value::of(1));
  EXPECT_EQ(merged[KsmField::general_profit_bytes], Value::of_signed(-8192));
  EXPECT_EQ(merged[KsmField::pages_shared], Value(Missing::malformed));
  EXPECT_EQ(merged[KsmField::pages_sharing], Value(Missing::not_supported));

  UptimeReader uptime(root());
  UptimeReading times;
  uptime.read(times);
  EXPECT_EQ(times.uptime_s, Value(Missing::not_supported));
  EXPECT_EQ(times.load_5_minutes, Value(Missing::not_supported));
  write("proc/uptime", "350735.47 234388.90\n");
  write("proc/loadavg", "0.20 nan");
  uptime.read(times);
  EXPECT_EQ(times.uptime_s, Value::of_real(350735.47));
  EXPECT_EQ(times.load_1_minute, Value::of_real(0.2));
  EXPECT_EQ(times.load_5_minutes, Value(Missing::malformed));
  EXPECT_EQ(times.load_15_minutes, Value(Missing::malformed));

  SwapDeviceReader swaps(root());
  std::vector<SwapDevice> devices(1);
  EXPECT_TRUE(swaps.read(devices));  // a kernel without swap
  EXPECT_TRUE(devices.empty());
}

TEST_F(SavedTree, NothingOldStaysWhereAFileCannotBeRead) {
  std::vector<DiskReading> disks(3);
  EXPECT_FALSE(DiskReader(root()).read(disks));
  EXPECT_TRUE(disks.empty());
  std::vector<InterfaceReading> interfaces(3);
  EXPECT_FALSE(InterfaceReader(root()).read(interfaces));
  EXPECT_TRUE(interfaces.empty());
}

TEST_F(SavedTree, NotPermittedIsSaid) {
  if (::geteuid() == 0) {
    // Root may read everything; what it is told is checked by the errno alone.
    EXPECT_EQ(missing_reason(system_failure(EACCES, "open x").value()), Missing::not_permitted);
    return;
  }
  write("proc/pressure/memory", "some total=1\n");
  ::chmod((folder_ + "/proc/pressure/memory").c_str(), 0);
  PressureReading reading;
  PressureReader(root(), "memory").read(reading);
  EXPECT_EQ(reading.some.total_us, Value(Missing::not_permitted));
}

TEST(LiveReaders, ReadThisMachineAgainAndAgain) {
  const SystemRoot root;
  MemoryReader memory(root);
  CpuReader cpu(root, true);
  VmCounterReader vm(root);
  MemoryReading memory_reading;
  CpuReading cpu_reading;
  VmCounterReading before, after;
  ASSERT_TRUE(vm.read(before));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(memory.read(memory_reading));
    ASSERT_TRUE(cpu.read(cpu_reading));
    ASSERT_TRUE(vm.read(after));
  }
  EXPECT_GT(memory_reading.number(MemoryField::total), 1024u);
  EXPECT_GE(cpu_reading.each.size(), 1u);
  EXPECT_GT(after.number(VmCounter::faults), 0u);
  EXPECT_GE(after.number(VmCounter::faults), before.number(VmCounter::faults));
}

}  // namespace
}  // namespace isotach::kernel
