// What a plugged module says of itself: the first 256 bytes of its memory, in one of three layouts
// (SFF-8472 for SFP, SFF-8636 for QSFP, CMIS for QSFP-DD and OSFP; kinds by SFF-8024). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace isotach::network {

struct ModuleInfo {
  std::string kind;  // "SFP"
  std::string vendor;
  std::string part;
  std::string revision;
  std::string serial;
};

// Nothing for a kind that is not known, and for bytes that do not reach.
[[nodiscard]] std::optional<ModuleInfo> parse_module(std::string_view bytes);

}  // namespace isotach::network
