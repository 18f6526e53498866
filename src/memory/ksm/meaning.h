// What the numbers of KSM mean together, and what looks wrong with them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernel/ksm_files.h"

namespace isotach::memory {

// The kernel keeps a struct of 64 bytes (ksm_rmap_item) for every page that it keeps account of.
inline constexpr std::uint64_t kKsmBytesPerPage = 64;

// Numbers by name; nothing for those that this kernel lacks.
class KsmNumbers {
 public:
  explicit KsmNumbers(const std::vector<kernel::KsmFile>& files) : files_(files) {}

  [[nodiscard]] std::optional<double> number(std::string_view name) const;
  [[nodiscard]] double or_zero(std::string_view name) const { return number(name).value_or(0); }
  // "none", "scan-time"; empty on a kernel without an advisor.
  [[nodiscard]] std::string advisor() const;

 private:
  const std::vector<kernel::KsmFile>& files_;
};

struct KsmProblem {
  std::string id;  // "scans-nothing": stable, for scripts
  std::string text;
  std::string remedy;
};

struct KsmMeaning {
  std::optional<double> run;
  double tracked_pages = 0;            // shared, sharing, unshared and volatile: all that it keeps account of
  double merged_pages = 0;             // uses of merged pages: shared and sharing
  double saved_bytes = 0;              // sharing and zero pages
  double cost_bytes = 0;               // for the account
  std::optional<double> profit_bytes;  // as the kernel says
  // Profit that follows from the other numbers, less the kernel's: small differences come from reading
  // the files one after the other.
  std::optional<double> profit_difference_bytes;
  std::optional<double> wanted_pages_per_second;  // nothing without a sleep
  std::vector<std::string> sentences;             // for people
  std::vector<KsmProblem> problems;
};

[[nodiscard]] KsmMeaning meaning_of_ksm(const std::vector<kernel::KsmFile>& files,
                                        std::uint64_t page_size_bytes);

}  // namespace isotach::memory
