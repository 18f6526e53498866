// tracefs: events that the kernel writes down as they happen. Read through a mount of our own that is in no
// folder, so that nothing appears in anybody's file tree, and in an instance of our own, so that nobody
// else's tracing is disturbed.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace isotach::kernel {

class Tracefs {
 public:
  // Fails with not_supported where the kernel has no tracefs, with not_permitted without CAP_SYS_ADMIN.
  [[nodiscard]] static Result<Tracefs> open();

  [[nodiscard]] bool has(const std::string& path) const;  // "events/ksm"
  [[nodiscard]] Result<void> make_instance(const std::string& name) const;
  // Removes it; nothing happens when there is none. Fails while it is in use.
  [[nodiscard]] Result<void> remove_instance(const std::string& name) const;
  // `path` is relative: "instances/NAME/tracing_on".
  [[nodiscard]] Result<void> write(const std::string& path, std::string_view value) const;
  [[nodiscard]] Result<Fd> open_for_reading(const std::string& path) const;  // does not block when read

 private:
  explicit Tracefs(Fd folder) : folder_(std::move(folder)) {}

  Fd folder_;
};

}  // namespace isotach::kernel
