#include "command/inspect/program_run.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <limits>
#include <memory>

#include "base/fd.h"
#include "base/text.h"
#include "command/kit.h"

namespace isotach::command {
namespace {

// The largest pipe that any user may ask for: the program waits less often.
constexpr int kPipeBytes = 1 << 20;
constexpr std::size_t kReadBytes = std::size_t{1} << 18;

// A named pipe in a folder of our own, gone with this object.
class NamedPipe {
 public:
  static Result<std::unique_ptr<NamedPipe>> make() {
    const char* const folder = std::getenv("TMPDIR");
    std::string name = std::string(folder != nullptr && *folder == '/' ? folder : "/tmp") + "/isotach-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) return system_failure(errno, "make a folder " + printable(name));
    std::unique_ptr<NamedPipe> pipe(new NamedPipe(name));
    if (::mkfifo(pipe->path().c_str(), 0600) != 0)
      return system_failure(errno, "make a named pipe " + printable(pipe->path()));
    pipe->reading_ = Fd(::open(pipe->path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!pipe->reading_.is_open()) return system_failure(errno, "open " + printable(pipe->path()));
    ::fcntl(pipe->fd(), F_SETPIPE_SZ, kPipeBytes);
    return pipe;
  }
  NamedPipe(const NamedPipe&) = delete;
  NamedPipe& operator=(const NamedPipe&) = delete;
  ~NamedPipe() { remove(); }
  // Once both ends are open it needs no name, and leaves nothing behind however we end.
  void remove() {
    if (folder_.empty()) return;
    ::unlink(path().c_str());
    ::rmdir(folder_.c_str());
    folder_.clear();
  }

  [[nodiscard]] std::string path() const { return folder_ + "/records"; }
  [[nodiscard]] int fd() const { return reading_.get(); }

 private:
  explicit NamedPipe(std::string folder) : folder_(std::move(folder)) {}

  std::string folder_;
  Fd reading_;
};

std::string hexadecimal(std::uint64_t value) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (; value != 0 || text.empty(); value >>= 4) text.insert(text.begin(), kDigits[value & 15]);
  return "0x" + text;
}

std::vector<std::string> words_of(const InspectOptions& options, const std::string& kit,
                                  const std::string& records) {
  std::vector<std::string> words = {kit + "/pin", "-t", kit + "/tools/inspect.so", "-o", records};
  const auto add = [&](const char* option, std::string value) {
    words.emplace_back(option);
    words.push_back(std::move(value));
  };
  const auto flag = [&](const char* option, bool value) { add(option, value ? "1" : "0"); };
  for (const std::string& image : options.choice.images) add("-i", image);
  for (const std::string& routine : options.choice.routines) add("-routine", routine);
  for (const instrument::AddressRange& range : options.choice.addresses)
    add("-address", hexadecimal(range.low) + "-" + hexadecimal(range.high));
  flag("-instructions", options.choice.instructions);
  flag("-reads", options.choice.reads);
  flag("-writes", options.choice.writes);
  if (options.sample > 1) add("-sample", std::to_string(options.sample));
  if (options.choice.at_most) add("-limit", std::to_string(*options.choice.at_most));
  if (!options.start_routine.empty()) add("-start", options.start_routine);
  if (!options.stop_routine.empty()) add("-stop", options.stop_routine);
  words.emplace_back("--");
  words.insert(words.end(), options.command.begin(), options.command.end());
  return words;
}

// What the pipe has now. False: nothing more is to come, or no more is wanted.
class Drain {
 public:
  Drain(int fd, const TakeBytes& take) : fd_(fd), take_(take), buffer_(kReadBytes, '\0') {}

  enum class State { empty, ended, refused };
  State run() {
    for (;;) {
      const ssize_t got = ::read(fd_, buffer_.data(), buffer_.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return State::empty;
      if (got == 0) return State::ended;
      any_ = true;
      if (!take_(std::string_view(buffer_).substr(0, static_cast<std::size_t>(got)))) return State::refused;
    }
  }
  [[nodiscard]] bool any() const { return any_; }

 private:
  int fd_;
  const TakeBytes& take_;
  std::string buffer_;
  bool any_ = false;
};

}  // namespace

Result<ProgramEnd> run_recorded(Context& context, const InspectOptions& options, bool output_to_error,
                                const TakeBytes& take) {
  const auto kit = find_kit();
  if (!kit) return tl::make_unexpected(kit.error());
  if (const auto found = kernel::find_program(options.command.front()); !found)
    return tl::make_unexpected(found.error());
  const auto pipe = NamedPipe::make();
  if (!pipe) return tl::make_unexpected(pipe.error());
  context.out.flush();
  auto child = kernel::ChildProcess::start(words_of(options, *kit, (*pipe)->path()), context.waiter,
                                           {.output = output_to_error ? STDERR_FILENO : -1});
  if (!child) return tl::make_unexpected(child.error());

  ProgramEnd result;
  Drain drain((*pipe)->fd(), take);
  bool reading = true;
  while (!child->has_ended()) {
    // A pipe that has ended would wake us again and again.
    const WaitTargets targets{reading ? (*pipe)->fd() : -1, -1};
    const Wake wake = context.waiter.wait_until(std::numeric_limits<std::int64_t>::max(), targets);
    if (wake == Wake::interrupted) {
      result.interrupted = true;
      break;
    }
    if (wake != Wake::input) continue;
    const Drain::State state = drain.run();
    if (drain.any()) (*pipe)->remove();
    if (state == Drain::State::refused) {
      // SIGTERM could be caught, and the program goes on without its recorder.
      child->stop(SIGTERM);
      break;
    }
    reading = state == Drain::State::empty;
  }
  if (result.interrupted && !child->has_ended()) {
    // The terminal sends SIGINT to the program too; others come to us alone. It may be waiting for the pipe.
    const int number = context.waiter.signal_number();
    if (number != 0 && number != SIGINT) ::kill(child->pid(), number);
    SystemClock clock;
    constexpr std::int64_t kPatienceNs = 2 * kNanosecondsPerSecond;
    const std::int64_t end_ns = clock.now().monotonic_ns + kPatienceNs;
    while (!child->has_ended() && clock.now().monotonic_ns < end_ns) {
      if (drain.run() == Drain::State::refused) break;
      static_cast<void>(context.waiter.wait_until(clock.now().monotonic_ns + 20'000'000));
    }
    if (!child->has_ended()) child->stop(SIGTERM);
  }
  // All that the program wrote before its end is in the pipe; its children may hold it open for ever.
  static_cast<void>(drain.run());
  result.end = child->wait();
  result.recorded = drain.any();
  return result;
}

}  // namespace isotach::command
