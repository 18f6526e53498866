// isotach link: every interface as a row, or everything about one; once, or live.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "command/common_options.h"
#include "command/context.h"
#include "command/link/commands.h"
#include "command/link/link_sample.h"
#include "command/link/names.h"
#include "command/live_loop.h"
#include "view/terminal/screen.h"

namespace isotach::command {
namespace {

// Long enough for a rate that means something, short enough not to be felt.
constexpr std::int64_t kFirstRatesNs = 200'000'000;

struct LinkOptions : Repetition {
  std::string only;
};

Result<LinkOptions> options_of(const Arguments& arguments) {
  const auto repetition = repetition_of(arguments);
  if (!repetition) return tl::make_unexpected(repetition.error());
  LinkOptions options{*repetition, {}};
  if (arguments.has("--count") && !options.interval_ns) options.interval_ns = kNanosecondsPerSecond;
  if (!options.interval_ns) options.count = 1;
  if (!arguments.positionals().empty()) options.only = arguments.positionals().front();
  return options;
}

class LinkRun {
 public:
  LinkRun(Context& context, LinkOptions options, network::LinkProbe probe)
      : context_(context), options_(std::move(options)), probe_(std::move(probe)) {}

  int run() {
    if (auto first = read_first(); !first) return context_.report(first.error());
    const bool live = options_.format == Format::table && context_.out_is_terminal && !options_.count;
    if (live) {
      auto screen = view::Screen::open({context_.color}, context_.waiter);
      if (screen) screen_ = std::move(*screen);
    }
    const auto done = measure();
    screen_.reset();
    return done ? kExitOk : context_.report(done.error());
  }

 private:
  Result<void> read_first() {
    auto first = probe_.read();
    if (!first) return tl::make_unexpected(std::move(first.error()));
    if (!options_.only.empty())
      if (auto known = check_interface_name(*first, options_.only); !known) return known;
    sample_.only = options_.only;
    sample_.now = std::move(*first);
    return {};
  }

  Result<void> measure() {
    // A live view shows its first rates soon; rows for a program are all of the same length.
    LiveLoop loop(context_, screen_.get(),
                  {.interval_ns = options_.interval_ns.value_or(kFirstRatesNs),
                   .count = options_.count,
                   .duration_ns = {},
                   .early_ns = screen_ ? kFirstRatesNs : 0});
    const auto ended = loop.run({.sample = [this]() -> Result<void> {
                                   if (auto read = read_next(); !read) return read;
                                   if (!screen_) print();
                                   return {};
                                 },
                                 .draw = [this] { draw(); },
                                 .key = [this](const view::Key& key) { return take_key(key); }});
    if (!ended) return tl::make_unexpected(ended.error());
    return {};
  }

  Result<void> read_next() {
    auto now = probe_.read();
    if (!now) return tl::make_unexpected(std::move(now.error()));
    sample_.before = std::move(sample_.now);
    sample_.now = std::move(*now);
    if (options_.only.empty()) return {};
    const network::Link* link = network::find_link(sample_.now, options_.only);
    if (link == nullptr)
      return failure(ErrorKind::failed, "the interface " + printable(options_.only) + " is gone");
    sample_.details.emplace(network::read_details(probe_.control(), {link->route.index, link->route.name}));
    return {};
  }

  // False when it is time to end.
  bool take_key(const view::Key& key) {
    using Kind = view::Key::Kind;
    const int page = std::max(1, screen_->rows() - 2);
    if (key.kind == Kind::down) ++scroll_;
    if (key.kind == Kind::up) --scroll_;
    if (key.kind == Kind::page_down) scroll_ += page;
    if (key.kind == Kind::page_up) scroll_ -= page;
    if (key.kind == Kind::home) scroll_ = 0;
    return !is_quit_key(key);
  }

  // What stands on the screen: a head line, then as many rows as fit from the one scrolled to.
  void draw() {
    if (sample_.before.time.monotonic_ns == 0) return;
    view::Grid grid(screen_->columns(), screen_->rows());
    grid.write(0, 0, options_.only.empty() ? "interfaces" : options_.only, view::Style::title);
    grid.write_right(grid.columns() - 1, 0, "q quits", view::Style::dim);
    const int room = std::max(0, grid.rows() - 1);
    if (options_.only.empty()) {
      const auto lines = link_table(sample_).lines(grid.columns());
      clamp_scroll(static_cast<int>(lines.size()) - room);
      for (int row = 0; row < room; ++row) {
        // The head stays.
        const int line = row == 0 ? 0 : row + scroll_;
        if (line >= static_cast<int>(lines.size())) break;
        for (const view::TableSpan& span : lines[static_cast<std::size_t>(line)])
          grid.write(span.column, row + 1, span.text, span.style);
      }
    } else {
      const std::string text = link_details_text(sample_, grid.columns());
      const auto lines = split(text, '\n');
      clamp_scroll(static_cast<int>(lines.size()) - room);
      for (int row = 0; row < room && row + scroll_ < static_cast<int>(lines.size()); ++row)
        grid.write(0, row + 1, lines[static_cast<std::size_t>(row + scroll_)]);
    }
    screen_->draw(grid);
  }

  void clamp_scroll(int last) { scroll_ = std::clamp(scroll_, 0, std::max(0, last)); }

  void print() {
    switch (options_.format) {
      case Format::table: {
        if (printed_ > 0) context_.out.write("\n");
        const int columns = terminal_size(context_.out.fd()).columns;
        context_.out.write(options_.only.empty() ? link_table(sample_).text(columns)
                                                 : link_details_text(sample_, columns));
        break;
      }
      case Format::csv: {
        view::CsvWriter csv;
        if (printed_ == 0) write_link_csv_head(csv);
        write_link_csv(csv, sample_);
        context_.out.write(csv.take());
        break;
      }
      case Format::json:
      case Format::json_stream: {
        view::JsonWriter json;
        write_link_json(json, sample_);
        context_.out.write(json.take() + '\n');
        break;
      }
    }
    ++printed_;
    context_.out.flush();
  }

  Context& context_;
  LinkOptions options_;
  network::LinkProbe probe_;
  LinkSample sample_;
  std::unique_ptr<view::Screen> screen_;
  std::uint64_t printed_ = 0;
  int scroll_ = 0;
};

int run(Context& context, const Arguments& arguments) {
  auto options = options_of(arguments);
  if (!options) return context.report(options.error());
  auto probe = network::LinkProbe::open(context.clock);
  if (!probe) return context.report(probe.error());
  return LinkRun(context, std::move(*options), std::move(*probe)).run();
}

}  // namespace

CommandSpec link_command() {
  CommandSpec spec;
  spec.name = "link";
  spec.area = "network";
  spec.summary = "show every network interface: its speed, its settings, what it carries";
  spec.usages = {"isotach link [OPTIONS] [INTERFACE]"};
  spec.description =
      "Shows every interface with its driver, state, speed, duplex, autonegotiation, MTU, what it receives "
      "and sends now, how much of its speed that is, and its errors and drops. With INTERFACE it shows all "
      "that is known of that one: the modes that it supports and advertises and that its partner offers, "
      "ring sizes, channels, coalescing, pause frames, energy-efficient Ethernet, error correction, the "
      "module, offloads, and the statistics of the kernel and of the driver.\n\n"
      "What a driver does not tell is 'unknown' or '-', and null in JSON.\n\n"
      "isotach link check says what is wrong, and isotach link set changes settings.";
  spec.positionals = {{"INTERFACE", "show everything about this one", "interface"}};
  spec.options = {interval_option(), count_option()};
  for (OptionSpec& option : format_options()) spec.options.push_back(std::move(option));
  spec.examples = {{"isotach link", "a row for each interface"},
                   {"isotach link eth0", "everything about eth0"},
                   {"isotach link -i 1", "live; q quits"},
                   {"isotach link --csv -i 1 -n 60", "a minute of rates, as CSV"}};
  spec.run = run;
  return spec;
}

}  // namespace isotach::command
