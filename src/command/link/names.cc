#include "command/link/names.h"

#include "base/text.h"

namespace isotach::command {

Result<void> check_interface_name(const network::LinkSnapshot& snapshot, const std::string& name) {
  if (network::find_link(snapshot, name) != nullptr) return {};
  std::vector<std::string> names;
  for (const network::Link& link : snapshot.links) names.push_back(link.route.name);
  const auto nearest = name.size() < 32 ? nearest_word(name, names) : std::nullopt;
  return failure(ErrorKind::usage, "there is no interface '" + printable(name) + "'",
                 nearest ? "did you mean: " + *nearest + "?" : "isotach link lists them");
}

}  // namespace isotach::command
