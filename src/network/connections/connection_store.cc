#include "network/connections/connection_store.h"

#include <algorithm>
#include <memory>
#include <new>

namespace isotach::network {

// Not of huge pages: on a virtual machine the kernel may take ten times as long to clear one as the small
// pages in it, which others have left warm.
Connection* ConnectionStore::new_block(unsigned block) {
  return static_cast<Connection*>(::operator new(room_of(block) * sizeof(Connection)));
}

ConnectionStore::~ConnectionStore() {
  std::size_t left = size_;
  for (unsigned block = 0; left > 0; ++block) {
    const std::size_t used = std::min(left, room_of(block));
    std::destroy_n(blocks_[block], used);
    ::operator delete(blocks_[block]);
    left -= used;
  }
}

}  // namespace isotach::network
