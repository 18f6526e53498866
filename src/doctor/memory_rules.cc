#include <fmt/format.h>

#include <algorithm>

#include "doctor/quantities.h"
#include "doctor/rules.h"
#include "doctor/thresholds.h"

namespace isotach::doctor {
namespace {

using kernel::MemoryField;
using kernel::VmCounter;

// "memory pressure 3.2 %", or that the kernel does not tell.
std::string pressure_text(Number some) {
  return some ? "memory pressure " + percent(*some) : std::string("memory pressure unknown");
}

void check_available(const Evidence& evidence, Diagnosis& diagnosis) {
  const Number available = available_bytes(evidence.now);
  const Number total = memory_bytes(evidence.now, MemoryField::total);
  const Number left = share(available, total);
  if (!left || *left >= kMemoryAvailableLow) return;
  const Number some = memory_some(evidence);
  const bool felt = !some || *some >= kMemoryPressureFelt;
  const bool very_low = *left < kMemoryAvailableVeryLow;
  Finding finding;
  finding.id = "memory-low";
  if (very_low) {
    finding.severity = felt ? Severity::critical : Severity::warning;
  } else {
    finding.severity = felt ? Severity::warning : Severity::info;
  }
  finding.title = fmt::format("memory is nearly exhausted: {} available", percent(*left));
  finding.evidence =
      fmt::format("{} of {} available, {}", bytes(*available), bytes(*total), pressure_text(some));
  finding.remedy = "find who grows: isotach plot memory; ps -eo pid,rss,comm --sort=-rss | head";
  diagnosis.findings.push_back(std::move(finding));
}

void check_oom(const Evidence& evidence, Diagnosis& diagnosis) {
  const Value& now = evidence.now.vm[VmCounter::oom_kills];
  const Number since_boot = level(now);
  if (!since_boot) return;
  const Number recent = growth(evidence, evidence.before.vm[VmCounter::oom_kills], now);
  if (at_least(recent, 1)) {
    diagnosis.findings.push_back(
        {"oom-kills", Severity::critical, "", "the kernel killed processes because memory ran out",
         fmt::format("{} killed in the last {:.0f} s, {} since boot", count(*recent), evidence.elapsed_s,
                     count(*since_boot)),
         "see which: dmesg | grep -i 'out of memory'; add memory or swap, or limit the "
         "program that grows"});
  } else if (*since_boot >= 1) {
    diagnosis.findings.push_back({"oom-kills-since-boot", Severity::info, "",
                                  "processes were killed since boot because memory ran out",
                                  fmt::format("{} killed since boot, none now", count(*since_boot)),
                                  "see which: dmesg | grep -i 'out of memory'"});
  }
}

void check_pressure(const Evidence& evidence, Diagnosis& diagnosis) {
  const Number some = memory_some(evidence);
  const Number full = memory_full(evidence);
  if (!some) {
    diagnosis.not_checked.push_back(
        "pressure (PSI): " +
        std::string(missing_text(evidence.now.memory_pressure.some.total_us.is_missing()
                                     ? evidence.now.memory_pressure.some.total_us.reason()
                                     : Missing::not_supported)));
    return;
  }
  const bool critical = at_least(full, kMemoryPressureFull);
  if (!critical && *some < kMemoryPressureSome) return;
  Finding finding;
  finding.id = "memory-pressure";
  finding.severity = critical ? Severity::critical : Severity::warning;
  finding.title =
      critical ? "work stands still while memory is reclaimed" : "tasks wait for memory to be reclaimed";
  finding.evidence = fmt::format("some task stalled {} of the time, all tasks {}", percent(*some),
                                 full ? percent(*full) : std::string("unknown"));
  finding.remedy = "give the machine more memory or fewer tasks; isotach vm 1 shows what is reclaimed";
  diagnosis.findings.push_back(std::move(finding));
}

// Mapped files are thrown out and read again at once: thrashing also happens without swap.
void check_file_thrashing(const Evidence& evidence, Diagnosis& diagnosis) {
  const Number faults = per_second(evidence, evidence.before.vm[VmCounter::major_faults],
                                   evidence.now.vm[VmCounter::major_faults]);
  const Number some = memory_some(evidence);
  if (!at_least(faults, kMajorFaultsPerSecond) || !at_least(some, kThrashingPressureSome)) return;
  diagnosis.findings.push_back(
      {"file-thrashing", Severity::warning, "", "programs and files are read from disk again and again",
       fmt::format("{:.0f} major faults/s, {}", *faults, pressure_text(some)),
       "the working set does not fit: add memory, or limit who fills the page cache"});
}

}  // namespace

void check_memory(const Evidence& evidence, Diagnosis& diagnosis) {
  check_available(evidence, diagnosis);
  check_oom(evidence, diagnosis);
  check_pressure(evidence, diagnosis);
  check_file_thrashing(evidence, diagnosis);
}

void check_swap(const Evidence& evidence, Diagnosis& diagnosis) {
  const Number total = memory_bytes(evidence.now, MemoryField::swap_total);
  const Number free = memory_bytes(evidence.now, MemoryField::swap_free);
  const Number memory_left =
      share(available_bytes(evidence.now), memory_bytes(evidence.now, MemoryField::total));
  const bool memory_short = memory_left && *memory_left < kMemoryAvailableLow;
  if (!total) return;
  if (*total <= 0) {
    if (!memory_short) return;
    diagnosis.findings.push_back(
        {"no-swap", Severity::warning, "", "memory is short and there is no swap to relieve it",
         fmt::format("{} of memory available, swap 0 B", percent(*memory_left)),
         "add a swap file or zram: unused pages then make room before the OOM killer does"});
    return;
  }
  const Number used = free ? Number(*total - std::min(*free, *total)) : std::nullopt;
  if (const Number filled = share(used, total); at_least(filled, kSwapNearlyFull)) {
    const bool critical = *filled >= kSwapFull && memory_short;
    diagnosis.findings.push_back(
        {"swap-full", critical ? Severity::critical : Severity::warning, "",
         fmt::format("swap is {} full", percent(*filled)),
         fmt::format("{} of {} used, {} of memory available", bytes(*used), bytes(*total),
                     memory_left ? percent(*memory_left) : std::string("unknown share")),
         "add swap, or stop what grew: when both are full the OOM killer starts"});
  }
  const auto page = static_cast<double>(evidence.now.page_size_bytes);
  const Number in = per_second(evidence, evidence.before.vm[VmCounter::swapped_in_pages],
                               evidence.now.vm[VmCounter::swapped_in_pages]);
  const Number out = per_second(evidence, evidence.before.vm[VmCounter::swapped_out_pages],
                                evidence.now.vm[VmCounter::swapped_out_pages]);
  if (!in || !out) return;
  const double both_ways = std::min(*in, *out) * page;
  const Number some = memory_some(evidence);
  const bool thrashing = some ? both_ways >= kThrashingBytesPerSecond && *some >= kThrashingPressureSome
                              : both_ways >= kThrashingBytesPerSecondAlone;
  if (!thrashing) return;
  const bool critical = at_least(memory_full(evidence), kThrashingPressureFull);
  diagnosis.findings.push_back(
      {"swap-thrashing", critical ? Severity::critical : Severity::warning, "",
       "the machine is thrashing: pages are swapped out and wanted again",
       fmt::format("swap in {}/s, out {}/s, {}", bytes(*in * page), bytes(*out * page), pressure_text(some)),
       "the working set does not fit into memory: stop or limit a program, or add memory"});
}

}  // namespace isotach::doctor
