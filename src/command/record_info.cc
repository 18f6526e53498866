#include "command/record_info.h"

#include "command/version.h"
#include "kernel/host.h"

namespace isotach::command {

record::RecordingInfo recording_info(const Context& context, const Arguments& arguments,
                                     const kernel::SystemRoot& root, Instant start,
                                     std::int64_t interval_ns) {
  const kernel::Host host = kernel::read_host(root);
  return {context.command_name, arguments.words(), kVersion, host.name, host.kernel_release, start,
          interval_ns};
}

}  // namespace isotach::command
