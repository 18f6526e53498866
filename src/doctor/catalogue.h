// Every finding that the doctor knows, described once: the pages in docs/findings, `isotach doctor --explain`
// and the list of what was checked are made from it.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace isotach::doctor {

struct FindingDescription {
  std::string_view id;        // "memory-low"
  std::string_view area;      // "memory"
  std::string_view healthy;   // what holds when it is not found: "enough memory is available"
  std::string_view means;     // what it is, and why it matters
  std::string_view measured;  // from what, and from where on it speaks
  std::string_view remedy;    // what to do
};

// In the order of the areas.
[[nodiscard]] std::span<const FindingDescription> machine_findings();
[[nodiscard]] std::span<const FindingDescription> network_findings();
[[nodiscard]] std::span<const FindingDescription> transfer_findings();

// nullptr: there is none of that name.
[[nodiscard]] const FindingDescription* find_description(std::string_view id);
// A page about it, in Markdown.
[[nodiscard]] std::string finding_page(const FindingDescription& description);
// The list of all pages.
[[nodiscard]] std::string finding_index();

}  // namespace isotach::doctor
