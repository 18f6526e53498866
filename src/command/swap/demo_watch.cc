#include "command/swap/demo_watch.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.h"
#include "base/ticker.h"
#include "kernel/pagemap.h"
#include "memory/swap/user_reader.h"

namespace isotach::command {
namespace {

constexpr std::int64_t kSampleNs = 50'000'000;
constexpr std::int64_t kBeforeNs = 500'000'000;
constexpr std::int64_t kAfterNs = 1'500'000'000;
constexpr std::size_t kStatusLimitBytes = 65536;

struct Pipe {
  Fd read, write;
};
Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return system_failure(errno, "make a pipe");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

std::uint64_t resident_bytes(pid_t pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/statm", kStatusLimitBytes);
  if (!text) return 0;
  const auto words = split_blanks(*text);
  return words.size() < 2 ? 0 : parse_unsigned(words[1]).value_or(0) * kernel::page_size_bytes();
}

Value swap_bytes(pid_t pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/status", kStatusLimitBytes);
  const auto status = text ? memory::parse_swap_status(*text) : std::nullopt;
  return status ? Value::of(status->swap_bytes) : Value(Missing::vanished);
}

class DemoWatch {
 public:
  DemoWatch(Context& context, const DemoPlan& plan)
      : context_(context),
        plan_(plan),
        memory_(kernel::SystemRoot()),
        counters_(kernel::SystemRoot()),
        ticker_(context.clock.now().monotonic_ns, kSampleNs) {
    record_.origin = context.clock.now();
  }

  Result<DemoRecord> run() {
    if (auto began = start_idle(); !began) return tl::make_unexpected(began.error());
    std::optional<memory::ResponsivenessProbe> probe(std::in_place);
    auto watched = watch();
    record_.responsiveness = probe->finish();
    if (program_ && !program_->has_ended()) program_->stop(SIGTERM);
    if (program_) record_.end = program_->wait();
    if (idle_) {
      idle_->stop(SIGTERM);
      static_cast<void>(idle_->wait());
    }
    record_.interrupted = context_.waiter.interrupted();
    if (!watched) return tl::make_unexpected(watched.error());
    return std::move(record_);
  }

 private:
  Result<kernel::ChildProcess> start(std::vector<std::string> words, int output_fd) {
    words.insert(words.begin(), {"/proc/self/exe", "internal-fill-memory"});
    if (!plan_.group_folder.empty()) words.insert(words.end(), {"--group", plan_.group_folder});
    return kernel::ChildProcess::start(words, context_.waiter, {.output = output_fd});
  }

  // Once it has its memory, so that what it holds is not seen as coming and going.
  Result<void> start_idle() {
    auto pipe = make_pipe();
    if (!pipe) return tl::make_unexpected(pipe.error());
    auto idle = start({"--bytes", std::to_string(plan_.idle_bytes), "--page-out-bytes",
                       plan_.group_folder.empty() ? std::to_string(plan_.idle_bytes) : "0", "--rest-ns",
                       std::to_string(3600 * kNanosecondsPerSecond)},
                      pipe->write.get());
    if (!idle) return tl::make_unexpected(idle.error());
    idle_.emplace(std::move(*idle));
    pipe->write.reset();
    const std::int64_t deadline_ns = context_.clock.now().monotonic_ns + 10 * kNanosecondsPerSecond;
    std::string said;
    while (said.find("filled") == std::string::npos) {
      const Wake wake = context_.waiter.wait_until(deadline_ns, {pipe->read.get(), -1});
      if (wake == Wake::interrupted) return {};
      if (wake == Wake::deadline || (wake == Wake::child_exited && idle_->has_ended()))
        return failure(ErrorKind::failed, "the program of the demonstration did not start");
      if (wake == Wake::input && !take(pipe->read.get(), said)) break;
    }
    return {};
  }

  // False when the other end is closed.
  static bool take(int fd, std::string& said) {
    std::array<char, 256> buffer{};
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got > 0) said.append(buffer.data(), static_cast<std::size_t>(got));
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
  }

  Result<void> start_program() {
    auto pipe = make_pipe();
    if (!pipe) return tl::make_unexpected(pipe.error());
    const bool by_advice = plan_.group_folder.empty();
    auto program = start({"--bytes", std::to_string(plan_.bytes), "--fill-ns", std::to_string(plan_.fill_ns),
                          "--rest-ns", std::to_string(plan_.rest_ns), "--page-out-bytes",
                          std::to_string(by_advice ? plan_.bytes - plan_.limit_bytes : 0), "--read"},
                         pipe->write.get());
    if (!program) return tl::make_unexpected(program.error());
    program_.emplace(std::move(*program));
    said_fd_ = std::move(pipe->read);
    return {};
  }

  Result<void> watch() {
    const std::int64_t begin_ns = context_.clock.now().monotonic_ns;
    for (;;) {
      const std::int64_t now_ns = context_.clock.now().monotonic_ns;
      if (auto sampled = sample(now_ns); !sampled) return sampled;
      if (!program_ && now_ns - begin_ns >= kBeforeNs)
        if (auto started = start_program(); !started) return started;
      if (program_ && !record_.marks.ended_ns && program_->has_ended()) record_.marks.ended_ns = now_ns;
      if (record_.marks.ended_ns && now_ns - *record_.marks.ended_ns >= kAfterNs) return {};
      ticker_.advance(now_ns);
      if (!wait_until(ticker_.deadline_ns())) return {};
    }
  }

  bool wait_until(std::int64_t deadline_ns) {
    for (;;) {
      switch (context_.waiter.wait_until(deadline_ns, {said_fd_.get(), -1})) {
        case Wake::deadline:
          return true;
        case Wake::interrupted:
        case Wake::output_closed:
          return false;
        case Wake::input:
          if (!take(said_fd_.get(), said_)) said_fd_.reset();
          note_said();
          break;
        case Wake::child_exited:
        case Wake::resized:
          break;
      }
    }
  }

  void note_said() {
    const std::int64_t now_ns = context_.clock.now().monotonic_ns;
    for (std::size_t end = said_.find('\n'); end != std::string::npos; end = said_.find('\n')) {
      const std::string word = said_.substr(0, end);
      said_.erase(0, end + 1);
      if (word == "started") record_.marks.started_ns = now_ns;
      if (word == "filled") record_.marks.filled_ns = now_ns;
      if (word == "reading") record_.marks.reading_ns = now_ns;
      if (word == "read") record_.marks.read_ns = now_ns;
    }
  }

  Result<void> sample(std::int64_t now_ns) {
    if (auto read = memory_.read(memory_reading_); !read) return read;
    if (auto read = counters_.read(counter_reading_); !read) return read;
    using kernel::MemoryField;
    const auto bytes = [&](MemoryField field) { return memory_reading_.number(field) * 1024; };
    memory::DemoSample sample;
    sample.time_ns = now_ns;
    sample.free_bytes = bytes(MemoryField::free);
    sample.available_bytes = bytes(MemoryField::available);
    sample.swap_used_bytes = bytes(MemoryField::swap_total) - bytes(MemoryField::swap_free);
    sample.swap_cached_bytes = bytes(MemoryField::swap_cached);
    sample.out_pages = counter_reading_.number(kernel::VmCounter::swapped_out_pages);
    sample.in_pages = counter_reading_.number(kernel::VmCounter::swapped_in_pages);
    if (program_ && !program_->has_ended()) {
      sample.resident_bytes = Value::of(resident_bytes(program_->pid()));
      sample.program_swap_bytes = swap_bytes(program_->pid());
    }
    if (idle_) sample.idle_swap_bytes = swap_bytes(idle_->pid());
    record_.samples.push_back(sample);
    return {};
  }

  Context& context_;
  const DemoPlan& plan_;
  kernel::MemoryReader memory_;
  kernel::VmCounterReader counters_;
  kernel::MemoryReading memory_reading_;
  kernel::VmCounterReading counter_reading_;
  Ticker ticker_;
  DemoRecord record_;
  std::optional<kernel::ChildProcess> idle_, program_;
  Fd said_fd_;
  std::string said_;
};

}  // namespace

Result<DemoRecord> watch_demo(Context& context, const DemoPlan& plan) {
  return DemoWatch(context, plan).run();
}

}  // namespace isotach::command
