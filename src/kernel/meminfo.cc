#include "kernel/meminfo.h"

#include <utility>

namespace isotach::kernel {
namespace {

constexpr std::array<std::string_view, kMemoryFieldCount> kKeys = {
    "MemTotal",     "MemFree",      "MemAvailable", "Buffers",        "Cached",       "SwapCached",
    "Active",       "Inactive",     "Active(anon)", "Inactive(anon)", "Active(file)", "Inactive(file)",
    "Unevictable",  "Mlocked",      "SwapTotal",    "SwapFree",       "Zswap",        "Zswapped",
    "Dirty",        "Writeback",    "AnonPages",    "Mapped",         "Shmem",        "KReclaimable",
    "Slab",         "SReclaimable", "SUnreclaim",   "KernelStack",    "PageTables",   "CommitLimit",
    "Committed_AS", "HighTotal",    "HighFree",     "LowTotal",       "LowFree",      "AnonHugePages",
    "Hugetlb"};

}  // namespace

std::string_view memory_field_key(MemoryField field) {
  return kKeys[static_cast<std::size_t>(field)];
}

MemoryReader::MemoryReader(const SystemRoot& root) : file_(root, "proc/meminfo"), parser_(kKeys) {}

Result<void> MemoryReader::read(MemoryReading& reading) {
  const auto text = file_.read();
  if (!text) return tl::make_unexpected(text.error());
  parser_.parse(*text, reading.kib);
  return {};
}

}  // namespace isotach::kernel
