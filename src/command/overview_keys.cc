#include "command/overview_keys.h"

#include <array>

namespace isotach::command {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::array<std::int64_t, 12> kIntervalsNs = {10 * kMs,   20 * kMs,    50 * kMs,    100 * kMs,
                                                       200 * kMs,  500 * kMs,   1000 * kMs,  2000 * kMs,
                                                       5000 * kMs, 10000 * kMs, 30000 * kMs, 60000 * kMs};

void turn_to(view::OverviewView& view, view::OverviewPage page) {
  view.page = view.page == page ? view::OverviewPage::machine : page;
}

OverviewAction apply_character(char32_t character, std::size_t interface_count, view::OverviewView& view) {
  switch (character) {
    case 'q':
    case 'Q':
      return OverviewAction::quit;
    case '?':
    case 'h':
      turn_to(view, view::OverviewPage::help);
      break;
    case 'f':
      turn_to(view, view::OverviewPage::findings);
      break;
    case ' ':
    case 'p':
      view.paused = !view.paused;
      break;
    case '1':
    case 's':
      view.each_cpu = !view.each_cpu;
      break;
    case '\t':
      view.interface = interface_count > 0 ? (view.interface + 1) % interface_count : 0;
      break;
    case '+':
    case '=':
      return OverviewAction::slower;
    case '-':
      return OverviewAction::faster;
    case 'm':
      return OverviewAction::mark;
    default:
      break;
  }
  return OverviewAction::none;
}

}  // namespace

OverviewAction apply_key(const view::Key& key, std::size_t interface_count, bool replay,
                         view::OverviewView& view) {
  using Kind = view::Key::Kind;
  view.notice.clear();
  switch (key.kind) {
    case Kind::character: {
      const OverviewAction action = apply_character(key.character, interface_count, view);
      // In a replay "+" means more speed, not a longer interval.
      if (replay && action == OverviewAction::slower) return OverviewAction::faster;
      if (replay && action == OverviewAction::faster) return OverviewAction::slower;
      return action;
    }
    case Kind::escape:
      view.page = view::OverviewPage::machine;
      break;
    case Kind::down:
      if (interface_count > 0) view.interface = (view.interface + 1) % interface_count;
      break;
    case Kind::up:
      if (interface_count > 0) view.interface = (view.interface + interface_count - 1) % interface_count;
      break;
    case Kind::left:
      return OverviewAction::back;
    case Kind::right:
      return OverviewAction::forward;
    case Kind::page_up:
      return OverviewAction::page_back;
    case Kind::page_down:
      return OverviewAction::page_forward;
    case Kind::home:
      return OverviewAction::first;
    case Kind::end:
      return OverviewAction::last;
    default:
      break;
  }
  return OverviewAction::none;
}

std::int64_t longer_interval_ns(std::int64_t interval_ns) {
  for (const std::int64_t candidate : kIntervalsNs)
    if (candidate > interval_ns) return candidate;
  return interval_ns;
}

std::int64_t shorter_interval_ns(std::int64_t interval_ns) {
  for (auto candidate = kIntervalsNs.rbegin(); candidate != kIntervalsNs.rend(); ++candidate)
    if (*candidate < interval_ns) return *candidate;
  return interval_ns;
}

}  // namespace isotach::command
