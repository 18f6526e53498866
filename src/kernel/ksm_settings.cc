#include "kernel/ksm_settings.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "base/text.h"
#include "base/units.h"
#include "kernel/attribute.h"
#include "kernel/meminfo.h"

namespace isotach::kernel {
namespace {

constexpr std::array<std::string_view, 2> kNeedNothingMerged = {"max_page_sharing", "merge_across_nodes"};

// Settings by name, for saved trees where the mode of a file means nothing.
constexpr std::array<std::string_view, 13> kSettings = {"run",
                                                        "pages_to_scan",
                                                        "sleep_millisecs",
                                                        "max_page_sharing",
                                                        "merge_across_nodes",
                                                        "use_zero_pages",
                                                        "smart_scan",
                                                        "stable_node_chains_prune_millisecs",
                                                        "advisor_mode",
                                                        "advisor_max_cpu",
                                                        "advisor_target_scan_time",
                                                        "advisor_min_pages_to_scan",
                                                        "advisor_max_pages_to_scan"};

// Unmerging must not take the last memory of the machine.
constexpr std::uint64_t kReserveBytes = std::uint64_t{64} << 20;

bool needs_nothing_merged(std::string_view name) {
  return std::find(kNeedNothingMerged.begin(), kNeedNothingMerged.end(), name) != kNeedNothingMerged.end();
}

std::uint64_t number_in(const std::string& path) {
  const auto text = read_attribute(path);
  return text ? parse_unsigned(*text).value_or(0) : 0;
}

// Puts the writes in order, with what the kernel has by then.
class Planner {
 public:
  Planner(const KsmValues& now, const KsmValues& wanted) : now_(now), wanted_(wanted) {}

  KsmPlan plan(bool merged, KsmUnmerge unmerge) {
    plan_structure(merged, unmerge);
    const std::string* merged_wanted = ksm_value(wanted_, kKsmMergedPages);
    if (merged && merged_wanted != nullptr && *merged_wanted == "0" && unmerge == KsmUnmerge::where_needed) {
      set("run", "2");
      plan_.unmerges = true;
    }
    plan_advisor_and_rate();
    if (const std::string* run = wanted("run")) {
      set("run", *run);
    } else if (const std::string* found = ksm_value(now_, "run")) {
      set("run", *found);  // where it had to be stopped
    }
    return std::move(plan_);
  }

 private:
  [[nodiscard]] const std::string* wanted(std::string_view name) const {
    return ksm_value(now_, name) == nullptr ? nullptr : ksm_value(wanted_, name);
  }
  // What the kernel will hold after the writes planned so far.
  [[nodiscard]] std::string held(std::string_view name) const {
    for (auto write = plan_.writes.rbegin(); write != plan_.writes.rend(); ++write)
      if (write->first == name) return write->second;
    const std::string* found = ksm_value(now_, name);
    return found == nullptr ? std::string() : *found;
  }
  void set(std::string_view name, const std::string& value) {
    if (held(name) != value) plan_.writes.emplace_back(name, value);
  }

  void plan_structure(bool merged, KsmUnmerge unmerge) {
    KsmValues changes;
    for (const std::string_view name : kNeedNothingMerged)
      if (const std::string* value = wanted(name); value != nullptr && held(name) != *value)
        changes.emplace_back(name, *value);
    if (changes.empty()) return;
    if (merged && unmerge == KsmUnmerge::never) {
      for (auto& [name, value] : changes) plan_.refused.push_back(name);
      return;
    }
    // Stopped even where nothing is merged yet: ksmd could merge the first page before we write.
    if (merged) {
      set("run", "2");
      plan_.unmerges = true;
    } else if (held("run") == "1") {
      set("run", "0");
    }
    for (auto& [name, value] : changes) set(name, value);
  }

  void plan_advisor_and_rate() {
    const std::string* mode = wanted("advisor_mode");
    const std::string final_mode = mode != nullptr ? *mode : held("advisor_mode");
    const bool advised = !final_mode.empty() && final_mode != "none";
    const bool was_advised = !held("advisor_mode").empty() && held("advisor_mode") != "none";
    if (!advised && was_advised) {
      set("advisor_mode", "none");
      // The kernel has put its default there, whatever we have read.
      if (const std::string* pages = wanted("pages_to_scan"))
        plan_.writes.emplace_back("pages_to_scan", *pages);
    } else if (const std::string* pages = wanted("pages_to_scan"); pages != nullptr && !advised) {
      set("pages_to_scan", *pages);
    }
    for (const auto& [name, value] : wanted_) {
      if (name == "run" || name == "pages_to_scan" || name == "advisor_mode" || needs_nothing_merged(name))
        continue;
      if (ksm_value(now_, name) != nullptr) set(name, value);
    }
    // The limits of the advisor first: it starts from the least of them.
    if (advised) set("advisor_mode", final_mode);
  }

  const KsmValues& now_;
  const KsmValues& wanted_;
  KsmPlan plan_;
};

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

std::uint64_t available_bytes() {
  MemoryReading reading;
  MemoryReader reader{SystemRoot()};
  if (!reader.read(reading)) return 0;
  return reading.number(MemoryField::available) * 1024;
}

}  // namespace

bool is_ksm_setting(const std::string& folder, const std::string& name) {
  if (std::find(kSettings.begin(), kSettings.end(), name) != kSettings.end()) return true;
  struct stat status {};
  return ::stat((folder + '/' + name).c_str(), &status) == 0 && (status.st_mode & S_IWUSR) != 0 &&
         folder.starts_with("/sys/");
}

Error no_ksm(const std::string& folder) {
  return {ErrorKind::not_supported, 0, "this kernel has no page merging: there is no " + folder,
          "it takes a kernel built with CONFIG_KSM=y; isotach ksm shows how this one was built"};
}

const std::string* ksm_value(const KsmValues& values, std::string_view name) {
  const auto found =
      std::find_if(values.begin(), values.end(), [&](const auto& entry) { return entry.first == name; });
  return found == values.end() ? nullptr : &found->second;
}

Result<KsmValues> read_ksm_settings(const std::string& folder) {
  const std::unique_ptr<DIR, CloseFolder> entries(::opendir(folder.c_str()));
  if (!entries) {
    const int failed = errno;
    if (failed == ENOENT) return tl::make_unexpected(no_ksm(folder));
    return system_failure(failed, "list " + folder);
  }
  KsmValues values;
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    if (name.starts_with('.') || !is_ksm_setting(folder, name)) continue;
    auto value = read_attribute(folder + '/' + name);
    if (!value) return tl::make_unexpected(std::move(value.error()));
    values.emplace_back(name, std::move(*value));
  }
  std::sort(values.begin(), values.end());
  return values;
}

Result<KsmValues> read_ksm_to_restore(const std::string& folder) {
  auto values = read_ksm_settings(folder);
  if (values && !read_ksm_merged(folder).any()) values->emplace_back(kKsmMergedPages, "0");
  return values;
}

KsmPlan plan_ksm_writes(const KsmValues& now, const KsmValues& wanted, bool merged, KsmUnmerge unmerge) {
  return Planner(now, wanted).plan(merged, unmerge);
}

Result<void> write_ksm_setting(const std::string& folder, const std::string& name, const std::string& value) {
  const std::string path = folder + '/' + name;
  auto written = write_attribute(path, value);
  if (!written) return written;
  auto held = read_attribute(path);
  if (!held) return tl::make_unexpected(std::move(held.error()));
  if (*held == value) return {};
  return failure(ErrorKind::failed,
                 fmt::format("{} was written to {}, which the kernel took, and it holds {}", value, path,
                             printable(*held)));
}

KsmMerged read_ksm_merged(const std::string& folder) {
  return {number_in(folder + "/pages_shared"), number_in(folder + "/pages_sharing"),
          number_in(folder + "/ksm_zero_pages")};
}

Result<void> check_memory_to_unmerge(const KsmMerged& merged, std::uint64_t available) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t needed = (merged.sharing_pages + merged.zero_pages) * page;
  if (needed + kReserveBytes <= available) return {};
  return failure(
      ErrorKind::failed,
      fmt::format("taking the merged pages apart needs {} and {} are available",
                  format_bytes(static_cast<double>(needed)), format_bytes(static_cast<double>(available))),
      "free memory first, or end the programs whose pages are merged: isotach ksm top lists them");
}

namespace {

// Nothing more to do for the plan of this round; what went wrong is in `first`.
struct Round {
  std::optional<Error> first;
  bool busy = false;  // ksmd merged a page between our look and our write
};

Round carry_out(const std::string& folder, const KsmPlan& plan) {
  Round round;
  for (const auto& [name, value] : plan.writes) {
    auto done = write_ksm_setting(folder, name, value);
    if (done) continue;
    round.busy = round.busy || done.error().errno_value == EBUSY;
    if (!round.first) round.first = std::move(done.error());
  }
  return round;
}

}  // namespace

Result<void> write_ksm_settings(const std::string& folder, const KsmValues& wanted) {
  bool merged_meanwhile = false;
  for (;;) {
    const auto now = read_ksm_settings(folder);
    if (!now) return tl::make_unexpected(now.error());
    const KsmMerged merged = read_ksm_merged(folder);
    const bool any = merged.any() || merged_meanwhile;
    KsmPlan plan = plan_ksm_writes(*now, wanted, any, KsmUnmerge::where_needed);
    std::optional<Error> too_little;
    if (plan.unmerges) {
      if (auto fits = check_memory_to_unmerge(merged, available_bytes()); !fits) {
        too_little = std::move(fits.error());
        plan = plan_ksm_writes(*now, wanted, any, KsmUnmerge::never);
      }
    }
    Round round = carry_out(folder, plan);
    if (round.busy && !merged_meanwhile) {
      merged_meanwhile = true;
      continue;
    }
    if (too_little) return tl::make_unexpected(std::move(*too_little));
    if (round.first) return tl::make_unexpected(std::move(*round.first));
    return {};
  }
}

}  // namespace isotach::kernel
