#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/text.h"
#include "command/plot_feed.h"
#include "command/plot_vmstat_input.h"
#include "kernel/meminfo.h"

namespace isotach::command {
namespace {

// A timestamp without zone, as vmstat -t prints it, is local time.
std::int64_t local_to_utc_ns(std::int64_t as_if_utc_ns) {
  std::tm parts{};
  const std::time_t seconds = as_if_utc_ns / kNanosecondsPerSecond;
  ::gmtime_r(&seconds, &parts);
  parts.tm_isdst = -1;
  const std::time_t local = std::mktime(&parts);
  return local == -1 ? as_if_utc_ns : static_cast<std::int64_t>(local) * kNanosecondsPerSecond;
}

// The memory of this machine, from which vmstat's "used" is made.
std::optional<std::uint64_t> total_memory_bytes(const PlotOptions& options) {
  if (options.total_bytes) return options.total_bytes;
  const kernel::SystemRoot root =
      options.proc_root.empty() ? kernel::SystemRoot() : kernel::SystemRoot(options.proc_root);
  kernel::MemoryReader reader(root);
  kernel::MemoryReading memory;
  if (!reader.read(memory)) return std::nullopt;
  const Value& total = memory[kernel::MemoryField::total];
  if (total.is_missing()) return std::nullopt;
  return total.as_unsigned() * 1024;
}

// When each row was measured. With -t vmstat says it. Without, a row that arrives alone was measured
// just now; rows that arrive together were saved earlier, and are one vmstat delay apart.
class RowTimes {
 public:
  RowTimes(const PlotOptions& options, bool saved)
      : options_(options), saved_(saved || options.interval_given) {}

  // `together` counts the rows that have come with the same read, this one included.
  Instant next(const VmstatRow& row, const Instant& now, std::size_t together) {
    if (row.wall_ns) {
      // Timestamps have whole seconds; rows of the same second keep their order.
      const std::int64_t stamp_ns = local_to_utc_ns(*row.wall_ns);
      return step_to({stamp_ns, stamp_ns});
    }
    // vmstat itself prints its first two rows at once only if its delay is tiny.
    if (together > 2) saved_ = true;
    if (!last_) return step_to(now);
    if (!saved_) return step_to(now);
    const std::int64_t step_ns = options_.interval_given ? options_.interval_ns : kNanosecondsPerSecond;
    return step_to({last_->monotonic_ns + step_ns, last_->wall_ns + step_ns});
  }

 private:
  Instant step_to(Instant time) {
    if (last_ && time.monotonic_ns <= last_->monotonic_ns) {
      const std::int64_t behind_ns = last_->monotonic_ns + 1'000'000 - time.monotonic_ns;
      time.monotonic_ns += behind_ns;
      time.wall_ns += behind_ns;
    }
    last_ = time;
    return time;
  }

  const PlotOptions& options_;
  bool saved_;
  std::optional<Instant> last_;
};

class VmstatFeed final : public PlotFeed {
 public:
  VmstatFeed(Context& context, PlotSession& session, record::SeriesTable& table, int input_fd, bool saved)
      : context_(context),
        session_(session),
        input_fd_(input_fd),
        series_(table, session.options().vmstat_unit_bytes, total_memory_bytes(session.options())),
        times_(session.options(), saved) {}

  [[nodiscard]] int input_fd() const override { return input_fd_; }
  [[nodiscard]] Result<bool> on_deadline(const Instant&) override { return true; }

  [[nodiscard]] Result<bool> on_input(const Instant& now) override {
    std::array<char, 65536> buffer;
    const ssize_t got = ::read(input_fd_, buffer.data(), buffer.size());
    if (got < 0) {
      const int saved_errno = errno;
      if (saved_errno == EINTR || saved_errno == EAGAIN) return true;
      return system_failure(saved_errno, "read standard input");
    }
    std::size_t together = 0;
    const auto take = [&](std::string_view line) { take_line(line, now, together); };
    if (got == 0) {
      lines_.finish(take);
    } else {
      lines_.feed({buffer.data(), static_cast<std::size_t>(got)}, take);
    }
    if (failed_) return tl::make_unexpected(*failed_);
    return got > 0 && !done_;
  }

  void finish() override {
    if (parser_.unknown_lines() > 0)
      context_.warn(fmt::format("{} of {} lines were not understood and left out; the first: {}",
                                parser_.unknown_lines(), parser_.unknown_lines() + parser_.rows(),
                                parser_.first_unknown()));
    if (series_.rows_beyond_total() > 0)
      context_.warn(
          "free memory, buffers and cache are more than this machine has, so used memory cannot be told; "
          "say how much the other machine has: --total 16Gi; or which unit vmstat used: --unit M");
    if (series_.looks_frozen())
      context_.warn(
          "the memory columns do not change: vmstat 4.0.2 repeats its first values; "
          "isotach plot without --from vmstat reads the kernel itself");
  }

 private:
  void take_line(std::string_view line, const Instant& now, std::size_t& together) {
    if (failed_ || done_) return;
    if (parser_.line(line) != VmstatParser::Kind::row) return;
    sample_.time = times_.next(parser_.row(), now, ++together);
    sample_.points.clear();
    series_.put(parser_.row(), parser_.rows() == 1, sample_);
    if (auto taken = session_.take(sample_); !taken) failed_ = taken.error();
    const auto& count = session_.options().count;
    done_ = count && session_.samples() >= *count;
  }

  Context& context_;
  PlotSession& session_;
  int input_fd_;
  LineSplitter lines_;
  VmstatParser parser_;
  VmstatSeries series_;
  RowTimes times_;
  record::Sample sample_;
  std::optional<Error> failed_;
  bool done_ = false;
};

}  // namespace

Result<std::unique_ptr<PlotFeed>> make_vmstat_feed(Context& context, PlotSession& session,
                                                   record::SeriesTable& table, int input_fd) {
  if (context.in_is_terminal)
    return failure(ErrorKind::usage, "standard input is the terminal, not vmstat",
                   "try: vmstat -w 1 | isotach plot memory --from vmstat");
  struct stat status {};
  const bool saved = ::fstat(input_fd, &status) == 0 && S_ISREG(status.st_mode);
  return std::make_unique<VmstatFeed>(context, session, table, input_fd, saved);
}

}  // namespace isotach::command
