#include "kernel/vm_counters.h"

namespace isotach::kernel {
namespace {

constexpr std::array<std::string_view, kVmCounterCount> kKeys = {
    "pgpgin",        "pgpgout",        "pswpin",         "pswpout",         "pgalloc_dma",
    "pgalloc_dma32", "pgalloc_normal", "pgalloc_high",   "pgalloc_movable", "pgalloc_device",
    "pgfree",        "pgactivate",     "pgdeactivate",   "pglazyfreed",     "pgfault",
    "pgmajfault",    "pgrefill",       "pgsteal_kswapd", "pgsteal_direct",  "pgscan_kswapd",
    "pgscan_direct", "oom_kill",       "cow_ksm",        "zswpin",          "zswpout"};

}  // namespace

std::string_view vm_counter_key(VmCounter counter) {
  return kKeys[static_cast<std::size_t>(counter)];
}

VmCounterReader::VmCounterReader(const SystemRoot& root) : file_(root, "proc/vmstat"), parser_(kKeys) {}

Result<void> VmCounterReader::read(VmCounterReading& reading) {
  const auto text = file_.read();
  if (!text) return tl::make_unexpected(text.error());
  parser_.parse(*text, reading.values);
  return {};
}

}  // namespace isotach::kernel
