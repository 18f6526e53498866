// The BPF program of the path emulator that makes receive stamps exact (bpf/stamp.bpf.c).
#pragma once

#include <memory>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace isotach::kernel {

class StampProgram {
 public:
  // not_supported where isotach was built without BPF.
  [[nodiscard]] static Result<std::unique_ptr<StampProgram>> load();
  virtual ~StampProgram() = default;
  // On an interface of this network namespace, as long as this object lives.
  [[nodiscard]] virtual Result<void> attach(unsigned interface) = 0;
};

}  // namespace isotach::kernel
