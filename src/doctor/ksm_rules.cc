#include <fmt/format.h>

#include "doctor/quantities.h"
#include "doctor/rules.h"
#include "doctor/thresholds.h"

namespace isotach::doctor {

using kernel::KsmField;

void check_ksm(const Evidence& evidence, Diagnosis& diagnosis) {
  const kernel::KsmReading& ksm = evidence.now.ksm;
  const Number run = level(ksm[KsmField::run]);
  if (!run) {
    diagnosis.not_checked.push_back("page merging (KSM): " +
                                    std::string(missing_text(ksm[KsmField::run].reason())));
    return;
  }
  if (*run != 1) return;  // 0: stopped, its merged pages stay; 2: being undone
  const auto page = static_cast<double>(evidence.now.page_size_bytes);
  if (const Number profit = level(ksm[KsmField::general_profit_bytes]); profit && *profit < 0) {
    const Number sharing = level(ksm[KsmField::pages_sharing]);
    diagnosis.findings.push_back(
        {"ksm-loss", Severity::warning, "", "page merging costs more memory than it saves",
         fmt::format("profit -{}, {} saved by merging", bytes(-*profit),
                     sharing ? bytes(*sharing * page) : std::string("unknown amount")),
         "see who offers memory for nothing: isotach ksm top; undo the merging: isotach ksm set --keep "
         "run=2"});
  }
  const Number pages = level(ksm[KsmField::pages_to_scan]);
  const Number sleep_ms = level(ksm[KsmField::sleep_millisecs]);
  if (!pages || !sleep_ms) return;
  if (*pages <= 0) {
    diagnosis.findings.push_back(
        {"ksm-idle", Severity::warning, "", "page merging is on but scans nothing",
         fmt::format("run 1, pages_to_scan {:.0f}", *pages),
         "set a rate: isotach ksm set --keep pages_to_scan=100; or stop it: isotach ksm set --keep run=0"});
    return;
  }
  const bool never_sleeps = *sleep_ms <= 0;
  const double wanted_per_second = never_sleeps ? 0 : *pages * 1000 / *sleep_ms;
  if (!never_sleeps && wanted_per_second < kKsmRunawayPagesPerSecond) return;
  diagnosis.findings.push_back(
      {"ksm-runaway", Severity::warning, "", "page merging scans as fast as one CPU can",
       never_sleeps ? fmt::format("pages_to_scan {:.0f}, sleep 0 ms: it never rests", *pages)
                    : fmt::format("pages_to_scan {:.0f} every {:.0f} ms: {} pages/s asked for", *pages,
                                  *sleep_ms, count(wanted_per_second)),
       "slow it down: isotach ksm set --keep sleep_millisecs=20 pages_to_scan=100"});
}

}  // namespace isotach::doctor
