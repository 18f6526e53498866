// The TCP sockets of this network namespace and who holds which sockets, by BPF programs that walk through
// the kernel's tables (bpf/sockets.bpf.c): what kernel/socket_list.h tells, in half of the time and a tenth
// of it. For who looks many times at very many sockets; loading takes some 20 ms and the rights of root.
//
// Thread rule: one thread at a time for each object.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "kernel/socket_list.h"

namespace isotach::kernel {

class SocketWalk {
 public:
  // not_supported where isotach was built without BPF, or the kernel does not tell how long its ticks are.
  [[nodiscard]] static Result<std::unique_ptr<SocketWalk>> load();
  virtual ~SocketWalk() = default;
  // As list_sockets() for TCP: appends them, those that listen and those that wait too.
  [[nodiscard]] virtual Result<void> list(std::vector<SocketEntry>& sockets) = 0;
  // As find_socket_holders(), of the processes that can be seen from here.
  [[nodiscard]] virtual Result<std::unordered_map<std::uint32_t, std::uint32_t>> holders() = 0;
};

}  // namespace isotach::kernel
