#include "kernel/process.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <limits>
#include <memory>

#include "base/clock.h"
#include "base/text.h"

namespace isotach::kernel {
namespace {

constexpr std::array<std::string_view, 4> kStatusKeys = {"VmHWM", "RssAnon", "VmSwap", "VmData"};
constexpr std::array<std::string_view, 5> kRollupKeys = {"Pss", "Private_Clean", "Private_Dirty", "SwapPss",
                                                         "LazyFree"};

std::string process_path(unsigned pid, std::string_view file) {
  return "proc/" + std::to_string(pid) + '/' + std::string(file);
}

// Ticks as ns; a number that does not fit is malformed.
Value ticks_as_ns(std::optional<std::uint64_t> user, std::optional<std::uint64_t> system,
                  std::uint64_t ticks_per_second) {
  if (!user || !system || ticks_per_second == 0) return Missing::malformed;
  const std::uint64_t ns_per_tick = std::uint64_t{kNanosecondsPerSecond} / ticks_per_second;
  std::uint64_t ticks = 0;
  std::uint64_t ns = 0;
  if (__builtin_add_overflow(*user, *system, &ticks) || __builtin_mul_overflow(ticks, ns_per_tick, &ns))
    return Missing::malformed;
  return Value::of(ns);
}

Value value_of(std::optional<std::uint64_t> number) {
  return number ? Value::of(*number) : Value(Missing::malformed);
}

}  // namespace

bool parse_process_stat(std::string_view text, std::uint64_t ticks_per_second, ProcessReading& reading) {
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return false;
  const auto pid = parse_unsigned(trim(text.substr(0, open)));
  if (!pid || *pid > std::numeric_limits<unsigned>::max()) return false;

  // Columns 3 to 22 of proc(5), from the state to the start time; later ones are not of interest.
  constexpr std::size_t kFirstColumn = 3;
  constexpr std::size_t kLastColumn = 22;
  std::array<std::string_view, kLastColumn - kFirstColumn + 1> columns;
  std::string_view rest = text.substr(close + 1);
  rest = rest.substr(0, rest.find('\n'));
  for (std::string_view& column : columns) column = take_word(rest);
  const auto number = [&](std::size_t column) { return parse_unsigned(columns[column - kFirstColumn]); };
  const auto start_ticks = number(22);
  if (columns.front().size() != 1 || !start_ticks) return false;

  reading.pid = static_cast<unsigned>(*pid);
  reading.command.assign(text.substr(open + 1, close - open - 1));
  reading.state = columns.front()[0];
  const auto parent = number(4);
  reading.parent_pid =
      parent && *parent <= std::numeric_limits<unsigned>::max() ? static_cast<unsigned>(*parent) : 0;
  reading.start_ticks = *start_ticks;
  reading[ProcessField::minor_faults] = value_of(number(10));
  reading[ProcessField::children_minor_faults] = value_of(number(11));
  reading[ProcessField::major_faults] = value_of(number(12));
  reading[ProcessField::children_major_faults] = value_of(number(13));
  reading[ProcessField::cpu_ns] = ticks_as_ns(number(14), number(15), ticks_per_second);
  reading[ProcessField::children_cpu_ns] = ticks_as_ns(number(16), number(17), ticks_per_second);
  reading[ProcessField::threads] = value_of(number(20));
  return true;
}

void parse_process_statm(std::string_view text, ProcessReading& reading) {
  static_cast<void>(take_word(text));  // size
  reading[ProcessField::resident_pages] = value_of(take_unsigned(text));
}

void parse_process_schedstat(std::string_view text, ProcessReading& reading) {
  static_cast<void>(take_word(text));  // time on a CPU
  reading[ProcessField::cpu_wait_ns] = value_of(take_unsigned(text));
}

bool HeapScanner::scan_line(std::string_view line) {
  // 55d0c1a2b000-55d0c1a4c000 rw-p 00000000 00:00 0    [heap]
  const std::string_view range = take_word(line);
  constexpr int kColumnsBeforeName = 4;
  for (int i = 0; i < kColumnsBeforeName; ++i) static_cast<void>(take_word(line));
  // The whole of the name: a file may be called "x [heap]".
  if (trim(line) != "[heap]") {
    // The mappings stand in the order of their addresses, and those of the heap beside each other.
    return heap_bytes_ == 0;
  }
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  const char* const stop = range.data() + range.size();
  const auto first = std::from_chars(range.data(), stop, start, 16);
  if (first.ec != std::errc{} || first.ptr == stop || *first.ptr != '-') return true;
  const auto second = std::from_chars(first.ptr + 1, stop, end, 16);
  if (second.ec != std::errc{} || second.ptr != stop || end < start) return true;
  if (__builtin_add_overflow(heap_bytes_, end - start, &heap_bytes_))
    heap_bytes_ = std::numeric_limits<std::uint64_t>::max();
  return true;
}

bool HeapScanner::scan(std::string_view piece) {
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    const std::string_view part = piece.substr(0, end);
    // The line of a heap is short; in a longer one stands the path of a file.
    if (rest_.size() + part.size() > kLineLimitBytes) too_long_ = true;
    if (!too_long_) rest_.append(part);
    if (end == std::string_view::npos) return true;
    const bool more = too_long_ ? heap_bytes_ == 0 : scan_line(rest_);
    rest_.clear();
    too_long_ = false;
    if (!more) return false;
    piece.remove_prefix(end + 1);
  }
  return true;
}

namespace {

// The heap stands near the start of maps, in the first page of text for nearly every program, so
// that the file is seldom read to its end. It is opened afresh each time: an open descriptor goes
// on showing the memory that the process had before exec().
Value read_heap(const std::string& path) {
  const auto fd = open_readonly(path);
  if (!fd) return missing_reason(fd.error());
  constexpr std::size_t kLimitBytes = std::size_t{16} << 20;
  std::array<char, 4096> piece;
  HeapScanner scanner;
  for (std::size_t done = 0; done < kLimitBytes;) {
    const ssize_t got = ::read(fd->get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EACCES || errno == EPERM ? Missing::not_permitted : Missing::vanished;
    if (got == 0) return Value::of(scanner.heap_bytes());
    const auto size = static_cast<std::size_t>(got);
    if (!scanner.scan({piece.data(), size})) return Value::of(scanner.heap_bytes());
    done += size;
  }
  return Missing::malformed;
}

}  // namespace

ProcessReader::ProcessReader(const SystemRoot& root, unsigned pid)
    : pid_(pid),
      live_(root.is_live()),
      stat_(root, process_path(pid, "stat")),
      statm_(root, process_path(pid, "statm")),
      status_(root, process_path(pid, "status")),
      schedstat_(root, process_path(pid, "schedstat")),
      uptime_(root, "proc/uptime"),
      status_parser_(kStatusKeys),
      rollup_parser_(kRollupKeys),
      maps_path_(root.path(process_path(pid, "maps"))),
      rollup_path_(root.path(process_path(pid, "smaps_rollup"))) {}

Result<Presence> ProcessReader::read(ProcessReading& reading) {
  // stat is read last. Its open descriptor belongs to one process for ever, so that when the process
  // has ended and another got its number meanwhile, what the other files said is thrown away.
  if (start_ticks_) read_memory(reading);
  const auto text = stat_.read();
  if (!text) {
    const int reason = text.error().errno_value;
    if (reason == ENOENT || reason == ESRCH) return Presence::ended;
    return tl::make_unexpected(text.error());
  }
  const auto ticks_per_second = static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
  if (!parse_process_stat(*text, ticks_per_second, reading)) {
    if (text->empty()) return Presence::ended;
    return failure(ErrorKind::failed, "cannot understand " + stat_.path());
  }
  if (start_ticks_ && *start_ticks_ != reading.start_ticks) return Presence::replaced;
  if (!start_ticks_) {
    start_ticks_ = reading.start_ticks;
    return read(reading);
  }
  read_cpu(reading);
  read_age(ticks_per_second, reading);
  return Presence::present;
}

void ProcessReader::read_memory(ProcessReading& reading) {
  if (const auto text = statm_.read()) {
    parse_process_statm(*text, reading);
  } else {
    reading[ProcessField::resident_pages] = missing_reason(text.error());
  }
  std::array<Value, kStatusKeys.size()> values;
  if (const auto text = status_.read()) {
    status_parser_.parse(*text, values);
  } else {
    values.fill(missing_reason(text.error()));
  }
  reading[ProcessField::peak_resident_kib] = values[0];
  reading[ProcessField::anonymous_kib] = values[1];
  reading[ProcessField::swap_kib] = values[2];
  reading[ProcessField::data_kib] = values[3];
  reading[ProcessField::heap_bytes] = read_heap(maps_path_);
}

void ProcessReader::read_cpu(ProcessReading& reading) {
  // Kernels without CONFIG_SCHED_INFO have no such file, or zeros in it.
  if (const auto text = schedstat_.read()) {
    parse_process_schedstat(*text, reading);
  } else {
    reading[ProcessField::cpu_wait_ns] = missing_reason(text.error());
  }
  if (!live_) return;
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(static_cast<pid_t>(pid_), &clock) != 0 || ::clock_gettime(clock, &time) != 0)
    return;
  reading[ProcessField::cpu_ns] =
      Value::of(static_cast<std::uint64_t>(time.tv_sec) * std::uint64_t{kNanosecondsPerSecond} +
                static_cast<std::uint64_t>(time.tv_nsec));
}

void ProcessReader::read_age(std::uint64_t ticks_per_second, ProcessReading& reading) {
  // Start times count from boot and go on while the machine is suspended, as uptime does.
  std::int64_t since_boot_ns = 0;
  if (live_) {
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    since_boot_ns = static_cast<std::int64_t>(time.tv_sec) * kNanosecondsPerSecond + time.tv_nsec;
  } else {
    const auto text = uptime_.read();
    std::string_view rest = text ? *text : std::string_view();
    const auto uptime_s = parse_real(trim(take_word(rest)));
    if (!uptime_s || *uptime_s < 0 || *uptime_s > 9e9) {
      reading[ProcessField::age_ns] = Missing::malformed;
      return;
    }
    since_boot_ns = static_cast<std::int64_t>(*uptime_s * 1e9);
  }
  const Value start = ticks_as_ns(reading.start_ticks, 0, ticks_per_second);
  const auto now_ns = static_cast<std::uint64_t>(since_boot_ns);
  if (start.is_missing() || start.as_unsigned() > now_ns) {
    reading[ProcessField::age_ns] = Missing::malformed;
  } else {
    reading[ProcessField::age_ns] = Value::of(now_ns - start.as_unsigned());
  }
}

void ProcessReader::read_proportional(ProcessReading& reading) {
  std::array<Value, kRollupKeys.size()> values;
  // Opened afresh for the same reason as maps.
  if (const auto text = read_file(rollup_path_)) {
    rollup_parser_.parse(*text, values);
  } else {
    values.fill(missing_reason(text.error()));
  }
  reading[ProcessField::proportional_kib] = values[0];
  reading[ProcessField::proportional_swap_kib] = values[3];
  reading[ProcessField::lazy_free_kib] = values[4];
  std::uint64_t private_kib = 0;
  if (values[1].is_missing()) {
    reading[ProcessField::private_kib] = values[1];
  } else if (values[2].is_missing()) {
    reading[ProcessField::private_kib] = values[2];
  } else if (__builtin_add_overflow(values[1].as_unsigned(), values[2].as_unsigned(), &private_kib)) {
    reading[ProcessField::private_kib] = Missing::malformed;
  } else {
    reading[ProcessField::private_kib] = Value::of(private_kib);
  }
}

namespace {

struct FolderCloser {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

}  // namespace

ProcessLister::ProcessLister(const SystemRoot& root) : folder_(root.path("proc/")) {}

Result<void> ProcessLister::list_new(std::vector<Found>& found) {
  found.clear();
  if (calls_++ % kCallsBeforeForgetting == 0) known_.clear();
  const std::unique_ptr<DIR, FolderCloser> folder(::opendir(folder_.c_str()));
  if (folder == nullptr) return system_failure(errno, "open " + folder_);
  listed_.clear();
  while (const dirent* entry = ::readdir(folder.get())) {
    const auto number = parse_unsigned(entry->d_name);
    if (number && *number > 0 && *number <= std::numeric_limits<unsigned>::max())
      listed_.push_back(static_cast<unsigned>(*number));
  }
  std::sort(listed_.begin(), listed_.end());
  ProcessReading reading;
  for (const unsigned pid : listed_) {
    if (std::binary_search(known_.begin(), known_.end(), pid)) continue;
    // One that has ended meanwhile, or is hidden from this user, is of no interest.
    const auto text = read_file(folder_ + std::to_string(pid) + "/stat");
    if (text && parse_process_stat(*text, 1, reading)) found.push_back({pid, reading.parent_pid});
  }
  std::swap(known_, listed_);
  return {};
}

}  // namespace isotach::kernel
