#include "memory/ksm/choice.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <optional>
#include <string_view>

#include "base/text.h"
#include "base/units.h"

namespace isotach::memory {
namespace {

constexpr std::uint64_t kUnsignedLimit = std::numeric_limits<std::uint32_t>::max();

// A number of the kernel: what it takes at all, and what is let through without force.
struct NumberRule {
  std::string_view name;
  std::uint64_t least, most;            // of the kernel
  std::uint64_t sane_least, sane_most;  // without --force
  std::string_view too_little, too_much;
};

constexpr std::string_view kFewCopies =
    "one page in memory could stand for so few others that ksmd would spend its time among copies: with 2, "
    "merging 512 MiB of equal pages takes hours";
constexpr std::string_view kNothing = "";

constexpr std::array kNumbers = {
    NumberRule{"run", 0, 2, 0, 2, kNothing, kNothing},
    NumberRule{"pages_to_scan", 0, kUnsignedLimit, 1, 1'000'000, "ksmd would run and never look at a page",
               "ksmd would hardly ever sleep and take a whole processor"},
    NumberRule{"sleep_millisecs", 0, kUnsignedLimit, 1, 60'000,
               "ksmd would never sleep and take a whole processor for ever",
               "ksmd would sleep for more than a minute at a time, and setting it right would have to wait"},
    NumberRule{"max_page_sharing", 2, std::numeric_limits<std::int32_t>::max(), 16, 1'000'000, kFewCopies,
               "migrating or swapping one page would have to visit all its users: that stalls the machine"},
    NumberRule{"merge_across_nodes", 0, 1, 0, 1, kNothing, kNothing},
    NumberRule{"use_zero_pages", 0, 1, 0, 1, kNothing, kNothing},
    NumberRule{"smart_scan", 0, 1, 0, 1, kNothing, kNothing},
    NumberRule{"advisor_max_cpu", 0, 100, 1, 100, "the advisor would let ksmd do nothing", kNothing},
    NumberRule{"advisor_target_scan_time", 1, kUnsignedLimit, 1, 86'400, kNothing,
               "a scan would take more than a day"},
    NumberRule{"advisor_min_pages_to_scan", 0, kUnsignedLimit, 1, 1'000'000,
               "the advisor could choose to scan nothing", "ksmd would take a whole processor"},
    NumberRule{"advisor_max_pages_to_scan", 0, kUnsignedLimit, 1, 1'000'000,
               "the advisor could only choose to scan nothing", "ksmd could take a whole processor"},
    NumberRule{"stable_node_chains_prune_millisecs", 0, kUnsignedLimit, 1, 3'600'000,
               "copies would be looked through at every step", "copies would not be tidied up for hours"},
};

const NumberRule* rule_of(std::string_view name) {
  for (const NumberRule& rule : kNumbers)
    if (rule.name == name) return &rule;
  return nullptr;
}

Error unknown_setting(const std::string& name, const kernel::KsmValues& now) {
  std::vector<std::string> names;
  names.reserve(now.size());
  for (const auto& [known, value] : now) names.push_back(known);
  const auto nearest = nearest_word(name, names);
  const bool known = rule_of(name) != nullptr || name == "advisor_mode";
  return {
      ErrorKind::usage, 0,
      known ? "this kernel has no setting '" + name + "'" : "KSM has no setting '" + printable(name) + "'",
      nearest && !known ? "did you mean: " + *nearest + "?" : "isotach ksm lists the settings"};
}

Result<void> check_number(const NumberRule& rule, const std::string& text, KsmForce force) {
  const auto number = parse_unsigned(text);
  if (!number || *number < rule.least || *number > rule.most)
    return failure(ErrorKind::usage, fmt::format("'{}' is no value for {}", printable(text), rule.name),
                   fmt::format("the kernel takes {} to {}", rule.least, rule.most));
  if (force == KsmForce::yes || (*number >= rule.sane_least && *number <= rule.sane_most)) return {};
  const bool little = *number < rule.sane_least;
  return failure(
      ErrorKind::usage,
      fmt::format("{}={} is refused: {}", rule.name, *number, little ? rule.too_little : rule.too_much),
      fmt::format("sensible values are {} to {}; --force sets it all the same", rule.sane_least,
                  rule.sane_most));
}

Result<void> check_value(const std::string& name, const std::string& value, KsmForce force) {
  if (const NumberRule* rule = rule_of(name)) return check_number(*rule, value, force);
  if (name == "advisor_mode") {
    if (value == "none" || value == "scan-time") return {};
    return failure(ErrorKind::usage, "'" + printable(value) + "' is no value for advisor_mode",
                   "choose one of: none, scan-time");
  }
  if (force == KsmForce::yes) return {};
  return failure(ErrorKind::usage, "what " + name + " does is not known to this version of isotach",
                 "--force hands the value to the kernel as it is");
}

std::string final_value(const kernel::KsmValues& now, const kernel::KsmValues& wanted,
                        std::string_view name) {
  if (const std::string* value = kernel::ksm_value(wanted, name)) return *value;
  const std::string* value = kernel::ksm_value(now, name);
  return value != nullptr ? *value : std::string();
}

Result<void> check_together(const kernel::KsmValues& now, const kernel::KsmValues& wanted, KsmForce force) {
  const std::string advisor = final_value(now, wanted, "advisor_mode");
  if (kernel::ksm_value(wanted, "pages_to_scan") != nullptr && !advisor.empty() && advisor != "none")
    return failure(ErrorKind::usage, "pages_to_scan cannot be set while the advisor chooses it",
                   "advisor_mode=none beside it switches the advisor off; advisor_target_scan_time and "
                   "advisor_max_cpu tell it what to aim at");
  const auto least = parse_unsigned(final_value(now, wanted, "advisor_min_pages_to_scan"));
  const auto most = parse_unsigned(final_value(now, wanted, "advisor_max_pages_to_scan"));
  if (least && most && *least > *most && force == KsmForce::no)
    return failure(ErrorKind::usage, "advisor_min_pages_to_scan is above advisor_max_pages_to_scan",
                   "--force sets it all the same");
  return {};
}

}  // namespace

Result<kernel::KsmValues> read_ksm_choice(const std::vector<std::string>& words, const kernel::KsmValues& now,
                                          KsmForce force) {
  kernel::KsmValues wanted;
  if (words.empty())
    return failure(ErrorKind::usage, "nothing to set", "as in: isotach ksm set run=1 pages_to_scan=1000");
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      return failure(ErrorKind::usage, "'" + printable(word) + "' is no setting",
                     "write NAME=VALUE, such as pages_to_scan=1000");
    const std::string name = word.substr(0, equals);
    std::string value = word.substr(equals + 1);
    if (kernel::ksm_value(now, name) == nullptr) return tl::make_unexpected(unknown_setting(name, now));
    if (kernel::ksm_value(wanted, name) != nullptr)
      return failure(ErrorKind::usage, name + " is given twice");
    if (auto checked = check_value(name, value, force); !checked) return tl::make_unexpected(checked.error());
    if (const auto number = parse_unsigned(value))
      value = std::to_string(*number);  // without zeros before it
    wanted.emplace_back(name, std::move(value));
  }
  if (auto checked = check_together(now, wanted, force); !checked)
    return tl::make_unexpected(checked.error());
  return wanted;
}

std::vector<std::string> warn_of_ksm_choice(const kernel::KsmValues& now, const kernel::KsmValues& wanted) {
  std::vector<std::string> warnings;
  const auto number = [&](const char* name) { return parse_unsigned(final_value(now, wanted, name)); };
  const auto pages = number("pages_to_scan");
  const auto sleep_ms = number("sleep_millisecs");
  const bool runs = final_value(now, wanted, "run") == "1";
  // Looking at a page takes about 2 us.
  constexpr std::uint64_t kHalfAProcessor = 250'000;
  if (runs && pages && sleep_ms && *sleep_ms > 0 && *pages * 1000 / *sleep_ms > kHalfAProcessor)
    warnings.push_back(
        fmt::format("{} pages every {} ms keep ksmd busy for most of the time, for as long as run is 1",
                    *pages, *sleep_ms));
  if (const auto sharing = number("max_page_sharing");
      sharing && *sharing > 4096 && kernel::ksm_value(wanted, "max_page_sharing") != nullptr)
    warnings.push_back(fmt::format(
        "max_page_sharing={} saves one page in 256 more than the kernel's 256 does, and makes swapping or "
        "moving such a page slow",
        *sharing));
  if (final_value(now, wanted, "advisor_mode") == "scan-time" &&
      kernel::ksm_value(wanted, "advisor_mode") != nullptr)
    warnings.push_back(
        "the advisor begins with a number of pages far too small for one scan, and slows small workloads "
        "down");
  return warnings;
}

const kernel::KsmValues& ksm_defaults() {
  static const kernel::KsmValues kDefaults = {{"run", "0"},
                                              {"pages_to_scan", "100"},
                                              {"sleep_millisecs", "20"},
                                              {"max_page_sharing", "256"},
                                              {"merge_across_nodes", "1"},
                                              {"use_zero_pages", "0"},
                                              {"smart_scan", "1"},
                                              {"advisor_mode", "none"},
                                              {"advisor_max_cpu", "70"},
                                              {"advisor_target_scan_time", "200"},
                                              {"advisor_min_pages_to_scan", "500"},
                                              {"advisor_max_pages_to_scan", "30000"},
                                              {"stable_node_chains_prune_millisecs", "2000"}};
  return kDefaults;
}

Error ksm_is_merged(const std::string& name, const std::vector<std::string>& words,
                    const kernel::KsmMerged& merged, std::uint64_t page_size_bytes) {
  std::string command = "isotach ksm set --unmerge";
  for (const std::string& word : words) command += ' ' + word;
  const auto needed = static_cast<double>(merged.sharing_pages * page_size_bytes);
  return {ErrorKind::failed, 0,
          fmt::format("{} can be changed only while nothing is merged, and {} pages stand for {} now; that "
                      "ksmd is stopped (run=0) is not enough",
                      name, merged.shared_pages, merged.shared_pages + merged.sharing_pages),
          fmt::format("this takes the merged pages apart first, which needs {} of free memory, and lets ksmd "
                      "merge them again:\n{}",
                      format_bytes(needed), printable(command))};
}

}  // namespace isotach::memory
