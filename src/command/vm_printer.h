// Shows vm samples: as vmstat's tables, or as JSON and CSV.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command/context.h"
#include "command/vm_options.h"
#include "command/vm_source.h"
#include "memory/vm/tables.h"
#include "memory/vm/vm_row.h"

namespace isotach::command {

// One sample, computed. `row` for VmMode::row, `records` for the others.
struct VmSample {
  Instant time;
  std::optional<std::int64_t> elapsed_ns;  // since the sample before; none for the first
  std::uint64_t missed_deadlines = 0;
  std::uint64_t ticks_per_second = 100;
  memory::VmRow row;
  std::vector<memory::VmRecord> records;
};

// Where the samples come from, for the head of a document.
struct VmOrigin {
  std::string host;
  std::string kernel;
};

class VmPrinter {
 public:
  virtual ~VmPrinter() = default;
  virtual void begin(const Instant& time) = 0;
  virtual void sample(const VmSample& sample) = 0;
  // Everything has been printed; `error` says why nothing more follows.
  virtual void end(bool interrupted, const Error* error) = 0;
  virtual void terminal_resized() {}
};

[[nodiscard]] std::unique_ptr<VmPrinter> make_table_printer(Context& context, const VmOptions& options);
[[nodiscard]] std::unique_ptr<VmPrinter> make_export_printer(Context& context, const VmOptions& options,
                                                             const VmOrigin& origin);

}  // namespace isotach::command
