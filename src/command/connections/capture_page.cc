#include "command/connections/capture_page.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <utility>

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "command/common_options.h"
#include "command/connections/capture_run.h"
#include "command/connections/connections_page.h"
#include "command/connections/selection.h"
#include "command/context.h"
#include "kernel/child.h"
#include "kernel/confinement.h"

namespace isotach::command {
namespace {

constexpr std::int64_t kReadNs = 20 * kNanosecondsPerSecond;
// For reading and making the page; who takes longer is ended.
constexpr std::int64_t kWholeNs = 60 * kNanosecondsPerSecond;
constexpr std::size_t kPageLimitBytes = std::size_t{64} << 20;
// One takes a kilobyte, what limits it and its series as much again and more.
constexpr std::size_t kMostConnections = 100'000;
constexpr kernel::ConfinementLimits kLimits = {.memory_bytes = std::uint64_t{1} << 30, .cpu_seconds = 60};
// Larger pages take a browser long to open.
constexpr std::size_t kMostDrawn = 64;
constexpr int kPolitely = 5;  // others of this machine come first

// Ends reading where there are more connections than memory is for.
class Bound final : public network::SegmentObserver {
 public:
  explicit Bound(SignalWaiter& waiter) : waiter_(waiter) {}
  void see(std::size_t index, const network::Connection&, int, const network::SeenSegment&,
           const network::SegmentVerdict&) override {
    if (index < kMostConnections || reached_) return;
    reached_ = true;
    waiter_.interrupt();
  }
  [[nodiscard]] bool is_reached() const { return reached_; }

 private:
  SignalWaiter& waiter_;
  bool reached_ = false;
};

// Reading stops as it does at Ctrl-C, and what was read is shown. To be called before this process is shut
// in.
Result<void> stop_after(std::int64_t time_ns) {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGINT;
  timer_t timer{};
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return system_failure(errno, "make a timer");
  itimerspec when{};
  when.it_value = {time_ns / kNanosecondsPerSecond, time_ns % kNanosecondsPerSecond};
  if (::timer_settime(timer, 0, &when, nullptr) != 0) return system_failure(errno, "set a timer");
  return {};
}

Result<std::string> page_of(Context& context, const std::string& name, std::int64_t read_ns) {
  network::Tracker tracker(network::Rules::exact, unforeseen_seed(context));
  network::HostNames names;
  network::LimitObserver limits;
  network::SeriesRecorder recorder([](std::size_t) { return true; });
  Bound bound(context.waiter);
  network::ObserverList list;
  list.add(names);
  list.add(limits);
  list.add(recorder);
  list.add(bound);
  tracker.set_observer(&list);
  CaptureRequest request;
  request.paths = {"-"};
  request.called = name;
  request.observers = {&list};
  auto run = read_captures(context, request, tracker);
  if (!run) return tl::make_unexpected(std::move(run.error()));
  limits.finish();
  std::vector<std::string> notes;
  if (std::exchange(run->interrupted, false))
    notes.push_back(fmt::format(
        "Only the beginning is shown, {} frames: {}. All of it: isotach connections --report page.html {}",
        run->counts.frames,
        bound.is_reached()
            ? fmt::format("a page is made of {} connections at most", kMostConnections)
            : fmt::format("reading ends after {}", format_duration_ns(static_cast<double>(read_ns))),
        printable(name)));
  const Shown shown = select_connections(tracker, {}, {}, "bytes", 0);
  const GraphSource source{tracker, *run, shown, names, limits, recorder};
  Shown drawn = drawn_connections(source);
  drawn.resize(std::min(drawn.size(), kMostDrawn));
  return graph_page(source, drawn, std::move(notes));
}

// The page, or what went wrong, on standard output; the exit code tells which.
int run_capture_page(Context& context, const Arguments& arguments) {
  const auto read_ns = interval_of(arguments, "--within", "time");
  if (!read_ns) return context.report(read_ns.error());
  const std::int64_t limit_ns = read_ns->value_or(kReadNs);
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, kPolitely));
  ::tzset();  // reads a file
  if (auto set = stop_after(limit_ns); !set) return context.report(set.error());
  if (auto confined = kernel::confine(kLimits); !confined) return context.report(confined.error());
  Result<std::string> page;
  try {
    page = page_of(context, arguments.positionals().front(), limit_ns);
  } catch (const std::bad_alloc&) {
    page =
        failure(ErrorKind::failed, fmt::format("it takes more than the {} of memory that a page is made in",
                                               format_bytes(static_cast<double>(kLimits.memory_bytes))));
  }
  context.out.write(page ? *page : page.error().message());
  return page ? kExitOk : kExitFailed;
}

}  // namespace

Result<std::string> CapturePages::read_page(int fd, std::int64_t deadline_ns) const {
  constexpr int kLookEveryMs = 100;
  SystemClock clock;
  std::string page;
  std::array<char, std::size_t{64} << 10> piece;
  for (;;) {
    if (stopped_) return failure(ErrorKind::failed, "the server ends");
    if (clock.now().monotonic_ns >= deadline_ns)
      return failure(ErrorKind::failed, "making its page takes too long");
    pollfd polled = {fd, POLLIN, 0};
    if (::poll(&polled, 1, kLookEveryMs) <= 0) continue;
    const ssize_t got = ::read(fd, piece.data(), piece.size());
    if (got < 0 && errno != EINTR) return system_failure(errno, "read the page of a capture");
    if (got == 0) return page;
    page.append(piece.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (page.size() > kPageLimitBytes) return failure(ErrorKind::failed, "its page is larger than 64 MiB");
  }
}

Result<std::string> CapturePages::page(const std::string& name, int file_fd) const {
  SystemClock clock;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure(errno, "make a pipe");
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  // What it says of a stranger's file is for the viewer, not for the server's terminal.
  const Fd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!nowhere.is_open()) return system_failure(errno, "open /dev/null");
  auto child = kernel::ChildProcess::start(
      {"/proc/self/exe", "internal-capture-page", "--", name}, waiter_,
      {.input = file_fd, .output = writing.get(), .error = nowhere.get(), .alone = true});
  if (!child) return tl::make_unexpected(std::move(child.error()));
  writing.reset();
  auto text = read_page(reading.get(), clock.now().monotonic_ns + kWholeNs);
  if (!text) {
    child->stop(SIGKILL);
    static_cast<void>(child->wait());
    return failure(ErrorKind::failed, printable(name) + ": " + text.error().message(),
                   "read it with: isotach connections --report PAGE.html FILE");
  }
  const kernel::ChildEnd end = child->wait();
  if (!end.by_signal && end.number == kExitOk) return text;
  if (end.by_signal || text->empty())
    return failure(ErrorKind::failed, printable(name) + ": the process that read it broke off",
                   "read it with: isotach connections --report PAGE.html FILE");
  return failure(ErrorKind::failed, *text);
}

CommandSpec capture_page_command() {
  CommandSpec spec;
  spec.name = "internal-capture-page";
  spec.area = "network";
  spec.summary = "make the page of a capture for isotach web";
  spec.usages = {"isotach internal-capture-page [--within TIME] NAME"};
  spec.description =
      "Reads the capture on standard input, which is called NAME, shut in and in bounded memory, and prints "
      "the "
      "page of its connections, or why there is none.";
  spec.positionals = {{"NAME", "what the capture is called"}};
  spec.options = {
      {"--within", 0, "TIME", "how long to read (20s); what was read until then is shown", "reading"}};
  spec.examples = {
      {"isotach internal-capture-page trace.pcap < trace.pcap > page.html", "as isotach web does"},
      {"isotach internal-capture-page --within 1 trace.pcap < trace.pcap > page.html",
       "its first second of work"}};
  spec.hidden = true;
  spec.run = run_capture_page;
  return spec;
}

}  // namespace isotach::command
