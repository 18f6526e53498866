// Files that a child inherits and that vanish with it: they live in memory, so that not even kill -9 leaves
// anything behind.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace isotach::command {

// A file that a child finds under inherited_path(). It is not closed by exec().
[[nodiscard]] Result<Fd> make_memory_file(const std::string& name, std::string_view content);
[[nodiscard]] std::string inherited_path(const Fd& file);

// A ZIP archive with one uncompressed file. Python imports from one as from a folder.
[[nodiscard]] std::string zip_of(std::string_view name, std::string_view content);

// Sets variables of the environment for a child that is started meanwhile, and puts back what was there.
// No other thread may use the environment.
class ScopedEnvironment {
 public:
  ScopedEnvironment() = default;
  ScopedEnvironment(const ScopedEnvironment&) = delete;
  ScopedEnvironment& operator=(const ScopedEnvironment&) = delete;
  ~ScopedEnvironment();

  void set(const std::string& name, const std::string& value);

 private:
  struct Saved {
    std::string name, value;
    bool was_set = false;
  };
  std::vector<Saved> saved_;
};

}  // namespace isotach::command
