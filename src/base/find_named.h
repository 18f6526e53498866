#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace isotach {

// The thing of that name, or nullptr. In two readings of the same kernel file it almost always stands at the
// same place, `hint`, so that looking for all of one reading in the other costs no more than walking both.
template <class Thing>
const Thing* find_named(const std::vector<Thing>& things, const std::string& name, std::size_t hint,
                        std::string Thing::*name_of) {
  if (hint < things.size() && things[hint].*name_of == name) return &things[hint];
  for (const Thing& thing : things)
    if (thing.*name_of == name) return &thing;
  return nullptr;
}

}  // namespace isotach
