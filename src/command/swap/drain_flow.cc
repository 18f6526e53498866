#include "command/swap/drain_flow.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "kernel/change/undo.h"
#include "kernel/memory_groups.h"
#include "kernel/pagemap.h"
#include "kernel/pressure.h"
#include "kernel/pressure_trigger.h"
#include "kernel/swap_devices.h"
#include "kernel/swap_off_task.h"
#include "memory/swap/swap_in_rate.h"
#include "memory/swap/swapped_pages.h"
#include "memory/swap/user_reader.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

// What a disk of no special speed gives, where nothing could be measured.
constexpr double kAssumedBytesPerSecond = 40.0 * (1 << 20);
constexpr std::int64_t kProgressNs = 250'000'000;
constexpr double kHighestShare = 0.95;

std::string bytes_text(std::uint64_t bytes) {
  return format_bytes(static_cast<double>(bytes));
}

// The seconds in whole numbers that people read.
std::string seconds_text(double seconds) {
  return format_duration_ns(seconds * 1e9);
}

std::uint64_t used_of(const std::string& path) {
  std::vector<kernel::SwapDevice> devices;
  kernel::SwapDeviceReader reader{kernel::SystemRoot()};
  if (!reader.read(devices)) return 0;
  for (const kernel::SwapDevice& device : devices)
    if (device.path == path) return device.used_kib * 1024;
  return 0;
}

// What tells that memory becomes scarce.
class Scarcity {
 public:
  Scarcity(Context& context, unsigned max_pressure_percent, std::uint64_t reserve_bytes)
      : context_(context),
        reserve_bytes_(reserve_bytes),
        memory_(kernel::SystemRoot()),
        pressure_(kernel::SystemRoot(), "memory") {
    kernel::PressureReading now;
    pressure_.read(now);
    // What was there before is not of our making.
    limit_percent_ = std::min(now.some.avg10_percent.as_real() + max_pressure_percent, kHighestShare * 100);
    const double stall_us = limit_percent_ / 100 * static_cast<double>(kernel::PressureTrigger::kWindowUs);
    auto trigger =
        kernel::PressureTrigger::open(kernel::SystemRoot(), "memory", static_cast<std::uint64_t>(stall_us));
    if (trigger) trigger_.emplace(std::move(*trigger));
    stalls_.note(context.clock.now().monotonic_ns, now.some.total_us);
  }

  // Readable when the kernel wakes us because programs wait; -1 where it does not.
  [[nodiscard]] int fd() const { return trigger_ ? trigger_->fd() : -1; }

  // Why it is time to stop.
  [[nodiscard]] std::optional<std::string> reason() {
    // The trigger counts what happened before it was there: whether it is so is looked at here.
    if (trigger_) static_cast<void>(trigger_->take());
    kernel::PressureReading now;
    pressure_.read(now);
    stalls_.note(context_.clock.now().monotonic_ns, now.some.total_us);
    if (const auto share = stalls_.share(); share && *share * 100 > limit_percent_)
      return fmt::format("programs waited for memory {:.0f} % of the time", *share * 100);
    kernel::MemoryReading memory;
    if (!memory_.read(memory)) return std::nullopt;
    const Value& available = memory[kernel::MemoryField::available];
    // The plan left the reserve; half of it gone means that others took it meanwhile.
    if (!available.is_missing() && available.as_unsigned() * 1024 < reserve_bytes_ / 2)
      return fmt::format("only {} of memory are left", bytes_text(available.as_unsigned() * 1024));
    return std::nullopt;
  }

 private:
  Context& context_;
  std::uint64_t reserve_bytes_;
  kernel::MemoryReader memory_;
  kernel::PressureReader pressure_;
  memory::StallShare stalls_;
  double limit_percent_ = 0;
  std::optional<kernel::PressureTrigger> trigger_;
};

// One line that is written over and over on a terminal, and nothing elsewhere.
class ProgressLine {
 public:
  explicit ProgressLine(Context& context)
      : context_(context), shown_(::isatty(context.err.fd()) == 1 && !context.json_errors) {}
  ~ProgressLine() { write(""); }

  void write(const std::string& text) {
    if (!shown_) return;
    const int columns = terminal_size(context_.err.fd()).columns;
    const std::string line = fit_columns(text, static_cast<std::size_t>(std::max(columns - 1, 10)));
    const std::size_t width = display_width(line);
    context_.err.write("\r" + line);
    if (width < before_) context_.err.write(std::string(before_ - width, ' ') + "\r" + line);
    before_ = width;
    context_.err.flush();
  }

 private:
  Context& context_;
  bool shown_;
  std::size_t before_ = 0;
};

// What brings one area back: first by reading, which can be stopped, then by switching it off.
class AreaOff {
 public:
  AreaOff(Context& context, const memory::DrainArea& area, std::uint64_t reserve_bytes, unsigned max_pressure)
      : context_(context), area_(area), scarcity_(context, max_pressure, reserve_bytes), progress_(context) {}

  // Nothing is changed here: should it be stopped, the area is on as it was.
  Result<void> bring_back() {
    auto users = memory::read_swap_users(kernel::SystemRoot(), std::nullopt, true);
    if (!users || users->areas_hidden) return {};  // swapoff does it all
    const auto number = number_of_area(*users);
    if (!number) return {};
    memory::sort_users(users->processes, memory::SwapOrder::swap);
    std::vector<unsigned> pids;
    std::uint64_t wanted = 0;
    for (const memory::SwapProcess& process : users->processes) {
      const auto found = process.pages_by_area.find(*number);
      if (found == process.pages_by_area.end()) continue;
      pids.push_back(process.pid);
      wanted += found->second * kernel::page_size_bytes();
    }
    memory::BringBack pages(std::move(pids), std::set<unsigned>{*number});
    std::uint64_t back = 0;
    while (const auto bytes = pages.step()) {
      back += *bytes;
      if (auto stopped = look(wanted - std::min(wanted, back), wanted, -1); stopped)
        return tl::make_unexpected(std::move(*stopped));
    }
    return {};
  }

  Result<void> switch_off() {
    kernel::SwapOffTask task(area_.path);
    Fd both(::epoll_create1(EPOLL_CLOEXEC));
    for (const int fd : {task.fd(), scarcity_.fd()}) {
      epoll_event event{};
      event.events = EPOLLIN;
      if (fd >= 0) ::epoll_ctl(both.get(), EPOLL_CTL_ADD, fd, &event);
    }
    std::optional<Error> stopped;
    while (!task.is_over() && !stopped) stopped = look(used_of(area_.path), area_.used_bytes, both.get());
    if (stopped) task.interrupt();
    auto done = task.finish();
    // What had come to its end before the signal is done all the same.
    if (done || !stopped) return done;
    return tl::make_unexpected(std::move(*stopped));
  }

 private:
  // The number that the kernel has given to the area.
  [[nodiscard]] std::optional<unsigned> number_of_area(const memory::SwapUsers& users) const {
    std::vector<kernel::SwapDevice> devices;
    kernel::SwapDeviceReader reader{kernel::SystemRoot()};
    if (!reader.read(devices)) return std::nullopt;
    std::vector<std::uint64_t> used_pages;
    for (const kernel::SwapDevice& device : devices)
      used_pages.push_back(device.used_kib * 1024 / kernel::page_size_bytes());
    const auto numbers = memory::number_areas(used_pages, users.pages_by_area);
    for (std::size_t i = 0; numbers && i < devices.size(); ++i)
      if (devices[i].path == area_.path) return (*numbers)[i];
    return std::nullopt;
  }

  // Shows progress now and then, and says why it is time to stop. `wait_fd` is waited for, for a moment;
  // -1: no waiting.
  std::optional<Error> look(std::uint64_t remaining, std::uint64_t all, int wait_fd) {
    const std::int64_t now_ns = context_.clock.now().monotonic_ns;
    if (wait_fd >= 0) {
      static_cast<void>(context_.waiter.wait_until(now_ns + kProgressNs, {wait_fd, -1}));
    } else if (now_ns - shown_ns_ < kProgressNs && !context_.waiter.interrupted()) {
      return std::nullopt;
    }
    shown_ns_ = now_ns;
    if (context_.waiter.interrupted())
      return Error{ErrorKind::failed, ECANCELED, "switch off swapping to " + area_.path, {}};
    if (const auto reason = scarcity_.reason())
      return Error{ErrorKind::failed, 0,
                   fmt::format("stopped emptying {}: {}; it is on as it was", printable(area_.path), *reason),
                   "try again when less is going on, or allow more: --max-pressure, --reserve"};
    pace_.note(context_.clock.now().monotonic_ns, remaining);
    const auto left = pace_.seconds_left();
    progress_.write(fmt::format(
        "{}: {} of {} to go{}", printable(area_.path), bytes_text(remaining), bytes_text(all),
        left ? fmt::format(", {} left, {}/s", seconds_text(*left),
                           bytes_text(static_cast<std::uint64_t>(pace_.bytes_per_second().value_or(0))))
             : ""));
    return std::nullopt;
  }

  Context& context_;
  const memory::DrainArea& area_;
  Scarcity scarcity_;
  ProgressLine progress_;
  memory::DrainPace pace_;
  std::int64_t shown_ns_ = 0;
};

std::vector<memory::DrainGroup> groups_of(const kernel::MemoryHierarchy& hierarchy) {
  std::vector<memory::DrainGroup> groups;
  if (const auto read = kernel::read_memory_groups(hierarchy))
    for (const kernel::MemoryGroup& group : *read)
      groups.push_back(
          {group.path, group.limit_bytes, group.usage_bytes, group.file_bytes, group.swap_bytes});
  return groups;
}

Value kib_to_bytes(const Value& kib) {
  return kib.is_missing() ? kib : Value::of(kib.as_unsigned() * 1024);
}

}  // namespace

std::vector<OptionSpec> drain_options() {
  constexpr const char* kGroup = "safety";
  return {{"--reserve", 0, "SIZE", "memory that must stay available; without it a twentieth, at most 1 GiB",
           kGroup},
          {"--max-pressure", 0, "PERCENT",
           "stop when programs wait for memory for this share of the time more than before; 10 without it",
           kGroup}};
}

Result<DrainOptions> drain_options_of(const Arguments& arguments) {
  DrainOptions options;
  if (const auto text = arguments.value("--reserve")) {
    const auto size = parse_size(*text);
    if (!size)
      return failure(ErrorKind::usage, "'" + printable(*text) + "' is no size", "write it as 512Mi or 1Gi");
    options.reserve_bytes = *size;
  }
  if (const auto text = arguments.value("--max-pressure")) {
    const auto percent = parse_unsigned(*text);
    if (!percent || *percent == 0 || *percent > 95)
      return failure(ErrorKind::usage, "'" + printable(*text) + "' is no share",
                     "write a percentage from 1 to 95");
    options.max_pressure_percent = static_cast<unsigned>(*percent);
  }
  return options;
}

Result<MadePlan> make_drain_plan(const SwapState& state, const std::set<std::string>& chosen,
                                 const DrainOptions& options) {
  MadePlan made;
  const kernel::MemoryReading& memory = state.memory;
  for (const memory::SwapAreaRow& row : state.areas.rows)
    made.input.areas.push_back({row.area.path, row.area.priority, discard_policy_of(row.area.path),
                                row.area.size_kib * 1024, row.area.used_kib * 1024,
                                chosen.contains(row.area.path)});
  made.input.available_bytes = kib_to_bytes(memory[kernel::MemoryField::available]);
  made.input.cached_bytes = state.areas.cached_bytes;
  made.input.reserve_bytes = options.reserve_bytes.value_or(
      memory::default_reserve(memory.number(kernel::MemoryField::total) * 1024));
  made.hierarchy = kernel::find_memory_hierarchy(kernel::SystemRoot());
  if (made.hierarchy) made.input.groups = groups_of(*made.hierarchy);
  made.plan = memory::plan_drain(made.input);
  if (made.plan.returning_bytes == 0) return made;
  // Groups that are full would have to push other pages out for what is measured.
  std::set<std::string> spared;
  for (const memory::GroupInTheWay& group : made.plan.in_the_way) spared.insert(group.path);
  const auto users = memory::read_swap_users(kernel::SystemRoot(), made.hierarchy, false);
  const auto rate = users ? memory::measure_swap_in(users->processes, spared) : std::nullopt;
  made.measured = rate.has_value();
  made.input.bytes_per_second = rate ? rate->bytes_per_second : kAssumedBytesPerSecond;
  made.plan = memory::plan_drain(made.input);
  return made;
}

std::optional<Error> why_not_drain(const MadePlan& made) {
  const memory::DrainPlan& plan = made.plan;
  if (!plan.in_the_way.empty()) {
    const memory::GroupInTheWay& group = plan.in_the_way.front();
    const std::string file = made.hierarchy ? kernel::limit_file_of(*made.hierarchy, group.path) : group.path;
    return Error{
        ErrorKind::failed, 0,
        fmt::format(
            "the OOM killer would end a process of the control group {}: it has {} of its limit of {} "
            "in use, and up to {} would come back",
            printable(group.path), bytes_text(group.usage_bytes), bytes_text(group.limit_bytes),
            bytes_text(group.returning_bytes)),
        fmt::format("raise its limit first: echo {} > {}", group.needed_bytes, file)};
  }
  if (!plan.has_room)
    return Error{
        ErrorKind::failed, 0,
        fmt::format("there is no room in memory: {} would come back, and {} may be taken ({} shall stay "
                    "available)",
                    bytes_text(plan.returning_bytes), bytes_text(plan.room_bytes),
                    bytes_text(made.input.reserve_bytes)),
        "end or shrink what needs memory (isotach swap top shows who), or give a smaller --reserve"};
  return std::nullopt;
}

void print_drain_plan(Context& context, const MadePlan& made) {
  const int columns = context.out_is_terminal ? terminal_size(context.out.fd()).columns : 200;
  view::Table steps({{"would drain", view::Align::left, 0, 12},
                     {"used", view::Align::quantity},
                     {"priority", view::Align::right, 2},
                     {"about", view::Align::quantity, 1}});
  // Of what is used, what is in the swap cache is there at once.
  double used = 0;
  for (const memory::DrainArea& area : made.plan.steps) used += static_cast<double>(area.used_bytes);
  const double share = used > 0 ? static_cast<double>(made.plan.returning_bytes) / used : 0;
  for (const memory::DrainArea& area : made.plan.steps) {
    const double rate = made.input.bytes_per_second.value_or(kAssumedBytesPerSecond);
    steps.row({area.path, bytes_text(area.used_bytes), std::to_string(area.priority),
               area.used_bytes == 0 ? "at once"
                                    : seconds_text(static_cast<double>(area.used_bytes) * share / rate)});
  }
  view::Table room(
      {{"", view::Align::left, 0, 20}, {"", view::Align::quantity}, {"", view::Align::left, 1, 20}});
  room.row({"comes back", bytes_text(made.plan.returning_bytes), "what is used, less the swap cache"});
  room.row({"room in memory", bytes_text(made.plan.room_bytes),
            "available, less " + bytes_text(made.input.reserve_bytes) + " that shall stay"});
  if (made.input.bytes_per_second)
    room.row({"comes back at", bytes_text(static_cast<std::uint64_t>(*made.input.bytes_per_second)) + "/s",
              made.measured ? "measured now" : "assumed: nothing could be measured"});
  context.out.write(steps.text(columns) + '\n' + room.text(columns));
  if (!made.plan.in_the_way.empty()) {
    view::Table groups({{"full control group", view::Align::left, 0, 16},
                        {"limit", view::Align::quantity},
                        {"in use", view::Align::quantity, 2},
                        {"comes back", view::Align::quantity, 1},
                        {"needs a limit of", view::Align::quantity}});
    for (const memory::GroupInTheWay& group : made.plan.in_the_way)
      groups.row({group.path, bytes_text(group.limit_bytes), bytes_text(group.usage_bytes),
                  bytes_text(group.returning_bytes), bytes_text(group.needed_bytes)});
    context.out.write('\n' + groups.text(columns));
  }
  for (const std::string& group : made.plan.unknown_groups)
    context.warn("the control group " + printable(group) +
                 " does not tell what it has in swap: it is not checked");
}

Result<Drained> switch_area_off(Context& context, kernel::Transaction& transaction,
                                const memory::DrainArea& area, std::uint64_t reserve_bytes,
                                const DrainOptions& options) {
  Drained drained;
  drained.bytes = area.used_bytes;
  const std::int64_t start_ns = context.clock.now().monotonic_ns;
  std::optional<AreaOff> off;
  if (!transaction.is_dry_run()) {
    off.emplace(context, area, reserve_bytes, options.max_pressure_percent);
    if (auto back = off->bring_back(); !back) return tl::make_unexpected(std::move(back.error()));
  }
  auto done = transaction.change(
      fmt::format("switch off swapping to {}, which holds {}", area.path, bytes_text(area.used_bytes)),
      {kernel::undo_swap_off(area.path, area.priority, area.discard)}, [&] { return off->switch_off(); });
  if (!done) return tl::make_unexpected(std::move(done.error()));
  drained.took_ns = context.clock.now().monotonic_ns - start_ns;
  return drained;
}

}  // namespace isotach::command
