#include "command/plot_loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>

#include "base/fd.h"

namespace isotach::command {
namespace {

// The descriptors that a running plot waits for, behind one: the waiter takes one.
class Inputs {
 public:
  Inputs() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

  void watch(int fd) {
    if (fd < 0 || !epoll_.is_open()) return;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }
  void forget(int fd) { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }
  [[nodiscard]] int fd() const { return epoll_.get(); }

  [[nodiscard]] bool is_ready(int fd) const {
    std::array<epoll_event, 2> events{};
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    return std::any_of(events.begin(), events.begin() + std::max(count, 0),
                       [&](const epoll_event& event) { return event.data.fd == fd; });
  }

 private:
  Fd epoll_;
};

}  // namespace

Result<void> run_feed(Context& context, PlotSession& session, PlotFeed& feed, PlotView& view) {
  const PlotOptions& options = session.options();
  const std::int64_t start_ns = context.clock.now().monotonic_ns;
  const std::int64_t end_ns = options.duration_ns ? start_ns + *options.duration_ns : PlotFeed::kNever;
  Inputs inputs;
  int source = feed.input_fd();
  inputs.watch(source);
  int keyboard = view.input_fd();
  inputs.watch(keyboard);
  const auto enough = [&] { return options.count && session.samples() >= *options.count; };

  for (;;) {
    const std::int64_t deadline_ns = std::min({feed.deadline_ns(), view.next_frame_ns(), end_ns});
    const Wake wake = context.waiter.wait_until(std::min(deadline_ns, start_ns + (std::int64_t{1} << 60)),
                                                {inputs.fd(), view.is_drawn() ? -1 : context.out.fd()});
    const Instant now = context.clock.now();
    if (wake == Wake::interrupted || wake == Wake::output_closed) return {};
    if (wake == Wake::resized) view.resized();
    if (wake == Wake::child_exited) feed.on_child_exit(now);
    if (wake == Wake::input) {
      if (inputs.is_ready(keyboard) && !view.take_keys(now)) return {};
      // An input that has ended is always readable; asking it again and again would take all of a CPU.
      if (const int still = view.input_fd(); still != keyboard) {
        inputs.forget(keyboard);
        keyboard = still;
      }
      if (inputs.is_ready(source)) {
        auto more = feed.on_input(now);
        if (!more) return tl::make_unexpected(more.error());
        view.changed();
        if (!*more) return {};
        if (const int still = feed.input_fd(); still != source) {
          inputs.forget(source);
          source = still;
        }
      }
    }
    if (now.monotonic_ns >= feed.deadline_ns()) {
      auto more = feed.on_deadline(now);
      if (!more) return tl::make_unexpected(more.error());
      view.changed();
      if (!*more) return {};
    }
    if (enough() || now.monotonic_ns >= end_ns || !context.out.is_open()) return {};
    session.refresh_pictures(now.monotonic_ns);
    view.draw_if_due(now);
  }
}

}  // namespace isotach::command
