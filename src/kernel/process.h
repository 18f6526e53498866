// /proc/PID/{stat,statm,status,maps,schedstat,smaps_rollup} of one process (kernel:
// fs/proc/{array,base,task_mmu}.c).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "kernel/kept_file.h"
#include "kernel/key_value.h"

namespace isotach::kernel {

// What is read of a process, in the units of the kernel.
//
// resident_pages is from statm, which Linux 6.16 and later sum exactly; before, all files but
// smaps_rollup may lag behind by some dozen pages a CPU. heap_bytes is the size of the [heap]
// mappings in maps: what brk() has taken. Large blocks of malloc() are mapped instead; they count
// in data_kib (all private writable memory, touched or not) and in anonymous_kib (touched).
// cpu_ns comes from the CPU clock of the process, which is exact to nanoseconds where stat counts
// in ticks of 10 ms. cpu_wait_ns is the time in which the first thread could have run and had no CPU.
// "children" are those that have ended and were waited for. lazy_free_kib is memory that
// the process has given back by MADV_FREE and the kernel has not taken yet: it still counts as resident.
// age_ns is the time since the process started.
enum class ProcessField : std::size_t {
  resident_pages,
  peak_resident_kib,
  anonymous_kib,
  swap_kib,
  data_kib,
  heap_bytes,
  proportional_kib,
  private_kib,
  proportional_swap_kib,
  lazy_free_kib,
  minor_faults,
  children_minor_faults,
  major_faults,
  children_major_faults,
  cpu_ns,
  children_cpu_ns,
  cpu_wait_ns,
  threads,
  age_ns,
};
inline constexpr std::size_t kProcessFieldCount = static_cast<std::size_t>(ProcessField::age_ns) + 1;

struct ProcessReading {
  unsigned pid = 0;
  unsigned parent_pid = 0;
  std::string command;            // at most 15 bytes, chosen by the process: print it with printable()
  char state = '?';               // as in ps: R, S, D, Z, ...
  std::uint64_t start_ticks = 0;  // since boot; with the pid it names the process for ever
  std::array<Value, kProcessFieldCount> values;

  [[nodiscard]] const Value& operator[](ProcessField field) const {
    return values[static_cast<std::size_t>(field)];
  }
  [[nodiscard]] Value& operator[](ProcessField field) { return values[static_cast<std::size_t>(field)]; }

  // Ended, though its parent has not asked for its exit code. A process whose first thread has ended
  // while others run on is in state Z as well, with more than one thread.
  [[nodiscard]] bool has_ended() const {
    const bool dead = state == 'Z' || state == 'X' || state == 'x';
    return dead && (*this)[ProcessField::threads].as_unsigned() <= 1;
  }
};

enum class Presence {
  present,
  ended,
  replaced,  // ended, and another process has its number by now
};

class ProcessReader {
 public:
  ProcessReader(const SystemRoot& root, unsigned pid);

  [[nodiscard]] unsigned pid() const { return pid_; }

  // Reads all but the proportional fields, which keep what `reading` holds. Fields that may not be
  // read are missing with the reason. Fails when the process itself is hidden from this user.
  [[nodiscard]] Result<Presence> read(ProcessReading& reading);

  // Reads the proportional fields (smaps_rollup). The kernel walks the page tables for it: about
  // 28 ms a GiB, during which the process cannot map memory. Never fails; values may be missing.
  void read_proportional(ProcessReading& reading);

 private:
  void read_memory(ProcessReading& reading);
  void read_cpu(ProcessReading& reading);
  void read_age(std::uint64_t ticks_per_second, ProcessReading& reading);

  unsigned pid_;
  bool live_;
  std::optional<std::uint64_t> start_ticks_;  // of the first reading
  KeptFile stat_, statm_, status_, schedstat_, uptime_;
  KeyValueParser status_parser_, rollup_parser_;
  std::string maps_path_, rollup_path_;
};

// Finds processes as they appear, so that the children of a process can be followed without reading
// all processes again at each sample. (/proc/PID/task/TID/children would tell the children directly,
// but many kernels are built without it.)
class ProcessLister {
 public:
  struct Found {
    unsigned pid = 0;
    unsigned parent_pid = 0;
  };

  explicit ProcessLister(const SystemRoot& root);

  // The processes that were not there at the last call: all of them at the first.
  [[nodiscard]] Result<void> list_new(std::vector<Found>& found);

 private:
  // Process numbers are used again. One that changed hands between two calls would be overlooked,
  // so everything is looked at afresh from time to time.
  static constexpr unsigned kCallsBeforeForgetting = 64;

  std::string folder_;
  std::vector<unsigned> known_;  // sorted
  std::vector<unsigned> listed_;
  unsigned calls_ = 0;
};

// Parsers, for tests and fuzzing. The command may hold blanks and parentheses: it ends at the last ')'.
// False when the text is no stat line; `ticks_per_second` turns ticks into ns.
[[nodiscard]] bool parse_process_stat(std::string_view text, std::uint64_t ticks_per_second,
                                      ProcessReading& reading);

void parse_process_statm(std::string_view text, ProcessReading& reading);

void parse_process_schedstat(std::string_view text, ProcessReading& reading);

// Sum of the [heap] mappings in the text of maps, fed in pieces. A process that never called brk()
// has none: 0.
class HeapScanner {
 public:
  // False once the rest of the file cannot matter. Pieces may end anywhere.
  [[nodiscard]] bool scan(std::string_view piece);
  [[nodiscard]] std::uint64_t heap_bytes() const { return heap_bytes_; }

 private:
  [[nodiscard]] bool scan_line(std::string_view line);

  static constexpr std::size_t kLineLimitBytes = 1024;

  std::string rest_;       // of the last piece: a line without its end
  bool too_long_ = false;  // that line is past the limit and left out
  std::uint64_t heap_bytes_ = 0;
};

}  // namespace isotach::kernel
