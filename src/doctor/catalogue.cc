#include "doctor/catalogue.h"

#include <fmt/format.h>

#include <array>
#include <string>

#include "base/text.h"

namespace isotach::doctor {
namespace {

constexpr std::size_t kPageColumns = 100;

std::array<std::span<const FindingDescription>, 3> all_groups() {
  return {machine_findings(), network_findings(), transfer_findings()};
}

std::string paragraph(std::string_view text) {
  return wrap_words(text, 0, 0, kPageColumns);
}

}  // namespace

const FindingDescription* find_description(std::string_view id) {
  for (const auto group : all_groups())
    for (const FindingDescription& one : group)
      if (one.id == id) return &one;
  return nullptr;
}

std::string finding_page(const FindingDescription& description) {
  return fmt::format(
      "# {}\n\n{}\n## How it is measured\n\n{}\n## What to do\n\n{}\n"
      "To silence it: `isotach doctor --silence {}`, or a line `{}` in the file of `--silence-file`.\n",
      description.id, paragraph(description.means), paragraph(description.measured),
      paragraph(description.remedy), description.id, description.id);
}

std::string finding_index() {
  std::string text =
      "# Findings\n\nWhat `isotach doctor`, the overview, the web page and the agent can find. "
      "`isotach doctor --explain ID`\nprints the same page. Made by `isotach generate --findings "
      "docs/findings`.\n";
  std::string_view area;
  for (const auto group : all_groups()) {
    for (const FindingDescription& one : group) {
      if (one.area != area) text += fmt::format("\n## {}\n\n", one.area);
      area = one.area;
      text += fmt::format("- [{}]({}.md)\n", one.id, one.id);
    }
  }
  return text;
}

}  // namespace isotach::doctor
