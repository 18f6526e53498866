#include "network/link/module.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/text.h"

namespace isotach::network {
namespace {

struct Place {
  std::size_t offset;
  std::size_t size;
};
struct Layout {
  Place vendor, part, revision, serial;
};
constexpr Layout kSfp = {{20, 16}, {40, 16}, {56, 4}, {68, 16}};
constexpr Layout kQsfp = {{148, 16}, {168, 16}, {184, 2}, {196, 16}};
constexpr Layout kCmis = {{129, 16}, {148, 16}, {164, 2}, {166, 16}};

struct Kind {
  std::uint8_t identifier;
  const char* name;
  const Layout* layout;
};
constexpr std::array kKinds = {
    Kind{0x03, "SFP", &kSfp},           Kind{0x0c, "QSFP", &kQsfp},    Kind{0x0d, "QSFP+", &kQsfp},
    Kind{0x11, "QSFP28", &kQsfp},       Kind{0x18, "QSFP-DD", &kCmis}, Kind{0x19, "OSFP", &kCmis},
    Kind{0x1e, "QSFP+ (CMIS)", &kCmis}, Kind{0x1f, "SFP-DD", &kCmis},
};

std::string text_at(std::string_view bytes, const Place& place) {
  return printable(trim(bytes.substr(place.offset, place.size)));
}

}  // namespace

std::optional<ModuleInfo> parse_module(std::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  for (const Kind& kind : kKinds) {
    if (kind.identifier != static_cast<std::uint8_t>(bytes[0])) continue;
    const Layout& layout = *kind.layout;
    if (bytes.size() < layout.serial.offset + layout.serial.size) return std::nullopt;
    return ModuleInfo{kind.name, text_at(bytes, layout.vendor), text_at(bytes, layout.part),
                      text_at(bytes, layout.revision), text_at(bytes, layout.serial)};
  }
  return std::nullopt;
}

}  // namespace isotach::network
