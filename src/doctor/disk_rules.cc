#include <fmt/format.h>

#include <algorithm>

#include "doctor/quantities.h"
#include "doctor/rules.h"
#include "doctor/thresholds.h"

namespace isotach::doctor {
namespace {

using kernel::DiskCounter;
using kernel::DiskReading;
using kernel::MemoryField;

const DiskReading* find_disk(const std::vector<DiskReading>& disks, const DiskReading& wanted,
                             std::size_t hint) {
  // Almost always at the same place.
  if (hint < disks.size() && disks[hint].name == wanted.name) return &disks[hint];
  for (const DiskReading& disk : disks)
    if (disk.name == wanted.name) return &disk;
  return nullptr;
}

void check_pressure(const Evidence& evidence, Diagnosis& diagnosis) {
  const Number some = io_some(evidence);
  const Number full = io_full(evidence);
  const bool all_wait = at_least(full, kIoPressureFullWarning);
  if (!all_wait && !at_least(some, kIoPressureSome)) return;
  diagnosis.findings.push_back(
      {"io-pressure", at_least(full, kIoPressureFullCritical) ? Severity::critical : Severity::warning, "",
       all_wait ? "work stands still while disks are waited for" : "tasks wait for disks",
       fmt::format("some task stalled {} of the time, all tasks {}", percent(some.value_or(0)),
                   full ? percent(*full) : std::string("unknown")),
       "see which disk: isotach vm -d 1; who writes: cat /proc/PID/io"});
}

void check_writeback(const Evidence& evidence, Diagnosis& diagnosis) {
  const Number dirty = memory_bytes(evidence.now, MemoryField::dirty);
  const Number writeback = memory_bytes(evidence.now, MemoryField::writeback);
  const Number dirty_share = share(dirty, available_bytes(evidence.now));
  const bool much_dirty = at_least(dirty_share, kDirtyShareOfAvailable) && at_least(dirty, kDirtyBytes);
  const bool slow_writeback =
      at_least(writeback, kWritebackBytes) && at_least(io_full(evidence), kWritebackIoPressureFull);
  if (!much_dirty && !slow_writeback) return;
  diagnosis.findings.push_back(
      {"writeback-backlog", Severity::warning, "",
       "written data piles up in memory faster than disks take it",
       fmt::format("{} dirty, {} being written", bytes(dirty.value_or(0)), bytes(writeback.value_or(0))),
       "writers will be made to wait soon (vm.dirty_ratio); slow them down or use a faster disk"});
}

void check_disk(const Evidence& evidence, const DiskReading& before, const DiskReading& now,
                Diagnosis& diagnosis) {
  const auto grown = [&](DiskCounter counter) -> Number {
    const auto index = static_cast<std::size_t>(counter);
    if (index >= before.counter_count || index >= now.counter_count) return std::nullopt;
    return growth(evidence, Value::of(before[counter]), Value::of(now[counter]));
  };
  const Number busy_ms = grown(DiskCounter::io_ms);
  const Number reads = grown(DiskCounter::reads);
  const Number writes = grown(DiskCounter::writes);
  const Number read_ms = grown(DiskCounter::read_ms);
  const Number write_ms = grown(DiskCounter::write_ms);
  if (!busy_ms || !reads || !writes || !read_ms || !write_ms) return;
  const double busy = *busy_ms / 1000 / evidence.elapsed_s;
  const double requests = *reads + *writes;
  if (busy < kDiskBusy || requests <= 0) return;
  const double latency_s = (*read_ms + *write_ms) / requests / 1000;
  if (latency_s < kDiskLatencyS) return;
  diagnosis.findings.push_back(
      {"disk-slow", Severity::warning, now.name, fmt::format("disk {} keeps requests waiting", now.name),
       fmt::format("{} busy, {:.0f} ms for a request on average, {:.0f} requests/s",
                   percent(std::min(busy, 1.0)), latency_s * 1000, requests / evidence.elapsed_s),
       "see what it does: isotach vm -d 1; a failing disk says so: smartctl -a /dev/" + now.name});
}

// Memory and loop devices are as slow as what stands behind them, which is looked at itself.
bool is_disk(const DiskReading& disk) {
  return !disk.name.starts_with("loop") && !disk.name.starts_with("ram") && !disk.name.starts_with("zram");
}

}  // namespace

void check_disks(const Evidence& evidence, Diagnosis& diagnosis) {
  check_pressure(evidence, diagnosis);
  check_writeback(evidence, diagnosis);
  for (std::size_t i = 0; i < evidence.now.disks.size(); ++i) {
    const DiskReading& now = evidence.now.disks[i];
    if (!is_disk(now)) continue;
    const DiskReading* before = find_disk(evidence.before.disks, now, i);
    if (before != nullptr) check_disk(evidence, *before, now, diagnosis);
  }
}

}  // namespace isotach::doctor
