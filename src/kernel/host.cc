#include "kernel/host.h"

#include "base/fd.h"
#include "base/text.h"

namespace isotach::kernel {

Host read_host(const SystemRoot& root) {
  constexpr std::size_t kLimitBytes = 4096;
  const auto name_in = [&](const char* path) {
    const auto text = read_file(root.path(path), kLimitBytes);
    return text ? std::string(trim(*text)) : std::string();
  };
  return {name_in("proc/sys/kernel/hostname"), name_in("proc/sys/kernel/osrelease")};
}

}  // namespace isotach::kernel
