#include "kernel/links.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/fd.h"
#include "base/text.h"

namespace isotach::kernel {
namespace {

constexpr std::size_t kAttributeLimitBytes = 4096;
constexpr std::uint64_t kFlagUp = 1;  // IFF_UP

// A name from a saved tree must not lead out of it.
bool is_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

std::optional<std::string> read_attribute(const std::string& folder, const char* name) {
  auto text = read_file(folder + name, kAttributeLimitBytes);
  if (!text) return std::nullopt;
  return std::string(trim(*text));
}

Value up_of(const std::optional<std::string>& operstate) {
  if (!operstate) return Missing::not_supported;
  if (*operstate == "up") return Value::of(1);
  if (*operstate == "down" || *operstate == "lowerlayerdown" || *operstate == "notpresent" ||
      *operstate == "dormant")
    return Value::of(0);
  return Missing::not_supported;  // "unknown": loopback, tunnels, some drivers
}

Value enabled_of(const std::optional<std::string>& flags) {
  if (!flags || !flags->starts_with("0x")) return Missing::not_supported;
  std::uint64_t bits = 0;
  const char* end = flags->data() + flags->size();
  const auto [stopped, error] = std::from_chars(flags->data() + 2, end, bits, 16);
  if (error != std::errc{} || stopped != end) return Missing::malformed;
  return Value::of(bits & kFlagUp);
}

Value speed_of(const std::optional<std::string>& speed) {
  // "-1" and 4294967295 both mean unknown, depending on the kernel's version; 0 is no speed either.
  constexpr std::uint64_t kLargestMbitS = 10'000'000;
  const auto number = speed ? parse_unsigned(*speed) : std::nullopt;
  if (!number || *number == 0 || *number > kLargestMbitS) return Missing::not_supported;
  return Value::of(*number);
}

Value full_duplex_of(const std::optional<std::string>& duplex) {
  if (duplex && *duplex == "full") return Value::of(1);
  if (duplex && *duplex == "half") return Value::of(0);
  return Missing::not_supported;
}

}  // namespace

void LinkReader::read_one(Known& known, LinkReading& link) {
  const std::string folder = root_.path("sys/class/net/" + known.interface + '/');
  const auto operstate = read_attribute(folder, "operstate");
  link.up = up_of(operstate);
  link.enabled = enabled_of(read_attribute(folder, "flags"));
  std::string carrier_changes = read_attribute(folder, "carrier_changes").value_or(std::string());
  if (known.age_reads == 0 || carrier_changes != known.carrier_changes) {
    known.carrier_changes = std::move(carrier_changes);
    known.age_reads = 0;
    known.physical = Missing::not_supported;
    if (operstate) known.physical = Value::of(::access((folder + "device").c_str(), F_OK) == 0 ? 1U : 0U);
    known.speed_mbit_s = speed_of(read_attribute(folder, "speed"));
    known.full_duplex = full_duplex_of(read_attribute(folder, "duplex"));
  }
  known.age_reads = (known.age_reads + 1) % kAskAgainReads;
  link.physical = known.physical;
  link.speed_mbit_s = known.speed_mbit_s;
  link.full_duplex = known.full_duplex;
}

void LinkReader::read(const std::vector<InterfaceReading>& interfaces, std::vector<LinkReading>& links) {
  const std::size_t count = std::min(interfaces.size(), kLimit);
  links.resize(count);
  known_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (known_[i].interface != interfaces[i].name) {
      known_[i] = {};
      known_[i].interface = interfaces[i].name;
    }
    LinkReading& link = links[i];
    link.interface = interfaces[i].name;
    link.up = link.enabled = link.physical = link.speed_mbit_s = link.full_duplex = Missing::not_supported;
    if (is_file_name(link.interface)) read_one(known_[i], link);
  }
}

}  // namespace isotach::kernel
