#include "kernel/change/undo_link.h"

#include <cerrno>

#include "base/text.h"
#include "kernel/link_setting.h"
#include "kernel/network_namespace.h"

namespace isotach::kernel {
namespace {

constexpr std::string_view kFolder = "/sys/class/net/";

bool is_gone(const Error& error) {
  return error.errno_value == ENODEV || error.errno_value == ENXIO;
}

Result<void> give_back(const UndoStep& step) {
  auto control = LinkControl::open();
  if (!control) return tl::make_unexpected(std::move(control.error()));
  const auto index = parse_unsigned(link_field(step, LinkField::index));
  const auto link = control->route().link(static_cast<unsigned>(index.value_or(0)));
  if (!link) return is_gone(link.error()) ? Result<void>() : tl::make_unexpected(link.error());
  // The name may have changed; another card with the same number is none of ours.
  if (link->address != link_field(step, LinkField::address)) return {};
  const LinkTarget target{link->index, link->name};
  const std::string& setting = link_field(step, LinkField::setting);
  const auto now = control->read(target, setting);
  if (!now) return is_gone(now.error()) ? Result<void>() : tl::make_unexpected(now.error());
  const std::string& earlier = link_field(step, LinkField::earlier);
  if (!is_to_be_given_back(setting, earlier, link_field(step, LinkField::wanted), *now)) return {};
  return control->write(target, setting, earlier);
}

}  // namespace

const std::string& link_field(const UndoStep& step, LinkField field) {
  return step.fields[static_cast<std::size_t>(field)];
}

UndoStep undo_link(const LinkChange& change) {
  return {UndoKind::link,
          {std::string(kFolder) + change.interface, change.name_space, std::to_string(change.index),
           change.address, change.setting, change.earlier, change.wanted}};
}

bool is_sound_link_step(const UndoStep& step) {
  const std::string& setting = link_field(step, LinkField::setting);
  if (!parse_unsigned(link_field(step, LinkField::index)) || setting.empty()) return false;
  return setting != "modes" || modes_from_text(link_field(step, LinkField::earlier)).has_value();
}

std::string describe_link(const UndoStep& step) {
  const std::string& path = link_field(step, LinkField::path);
  const std::string name = path.substr(path.rfind('/') + 1);
  const std::string& setting = link_field(step, LinkField::setting);
  const std::string& earlier = link_field(step, LinkField::earlier);
  if (setting != "modes") return printable("give " + name + " back: " + setting + ' ' + earlier);
  const auto modes = modes_from_text(earlier);
  if (!modes) return printable("give " + name + " its link modes back");
  std::string text = "give " + name + " back: autoneg ";
  text += !modes->autonegotiation ? "unknown" : *modes->autonegotiation ? "on" : "off";
  if (modes->speed_mbit_s) text += " speed " + std::to_string(*modes->speed_mbit_s);
  if (modes->duplex != Duplex::unknown) text += " duplex " + std::string(duplex_name(modes->duplex));
  return printable(text);
}

Result<void> take_back_link(const UndoStep& step) {
  const auto done =
      in_network_namespace(link_field(step, LinkField::name_space), [&] { return give_back(step); });
  if (!done) return tl::make_unexpected(done.error());
  return {};
}

}  // namespace isotach::kernel
