// Puts a BPF program on a tcx hook of an interface of this network namespace (Linux 6.6): it stays as long as
// the descriptor.
#pragma once

#include <cstdint>

#include "base/fd.h"
#include "base/result.h"

namespace isotach::kernel {

enum class TcxHook : std::uint8_t { ingress, egress };

// `program` is the descriptor of a loaded one.
[[nodiscard]] Result<Fd> link_to_hook(int program, unsigned interface, TcxHook hook);

}  // namespace isotach::kernel
