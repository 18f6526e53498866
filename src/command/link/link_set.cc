// isotach link set: change settings of an interface, put back unless somebody confirms.
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include "base/text.h"
#include "base/units.h"
#include "command/change_options.h"
#include "command/common_options.h"
#include "command/context.h"
#include "command/link/commands.h"
#include "command/link/names.h"
#include "command/link/set_plan.h"
#include "kernel/change/confirm.h"
#include "kernel/network_namespace.h"
#include "network/link/snapshot.h"
#include "view/export/json_writer.h"

namespace isotach::command {
namespace {

constexpr std::int64_t kDefaultForNs = 30 * kNanosecondsPerSecond;

enum class Outcome { kept, put_back, interrupted };

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kept:
      return "kept";
    case Outcome::put_back:
      return "put back";
    case Outcome::interrupted:
      break;
  }
  return "interrupted";
}

class SetRun {
 public:
  SetRun(Context& context, ChangeOptions options, kernel::LinkControl control)
      : context_(context), options_(std::move(options)), control_(std::move(control)) {}

  int run(const std::string& interface, const network::WantedChange& wanted) {
    const auto links = control_.route().links();
    if (!links) return context_.report(links.error());
    network::LinkSnapshot snapshot;
    for (const kernel::RouteLink& link : *links) snapshot.links.push_back({link, {}, {}, {}, {}});
    if (auto known = check_interface_name(snapshot, interface); !known) return context_.report(known.error());
    auto plan = make_set_plan(control_, network::find_link(snapshot, interface)->route, wanted);
    if (!plan) return context_.report(plan.error());
    plan_ = std::move(*plan);
    for (const std::string& advice : plan_.advice) context_.warn(advice);

    auto transaction = kernel::Transaction::begin({"link set " + interface, "link", options_.dry_run});
    if (!transaction) return context_.report(transaction.error());
    transaction_ = std::move(*transaction);
    if (auto changed = change_all(); !changed) {
      const int code = context_.report(changed.error());
      if (auto back = transaction_->put_back(); !back) return context_.report(back.error());
      context_.note(interface + " is as it was");
      return code;
    }
    return finish();
  }

 private:
  Result<void> change_all() {
    const auto name_space = kernel::current_network_namespace();
    if (!name_space) return tl::make_unexpected(name_space.error());
    const kernel::RouteLink& link = plan_.link;
    const kernel::LinkTarget target{link.index, link.name};
    for (const PlannedSetting& planned : plan_.settings) {
      auto changed = transaction_->change(
          fmt::format("set {}: {} (now {})", link.name, setting_text(planned.setting, planned.wanted),
                      setting_text(planned.setting, planned.earlier)),
          {kernel::undo_link({link.name, *name_space, link.index, link.address, planned.setting,
                              planned.earlier, planned.wanted})},
          [&] { return control_.write(target, planned.setting, planned.wanted); });
      if (!changed) return with_advice(std::move(changed.error()));
      if (options_.dry_run) continue;
      const auto now = control_.read(target, planned.setting);
      if (!now) return tl::make_unexpected(now.error());
      auto read_back = judge_read_back(planned, *now);
      if (!read_back) return tl::make_unexpected(std::move(read_back.error()));
      if (!read_back->remark.empty()) context_.note(link.name + ": " + read_back->remark);
      read_back_.push_back(read_back->now);
    }
    return {};
  }

  Result<void> with_advice(Error error) const {
    if (error.errno_value == EOPNOTSUPP && error.remedy.empty())
      error.remedy = "the driver of " + plan_.link.name + " cannot change that";
    if (error.kind == ErrorKind::not_permitted) error.remedy = "it needs CAP_NET_ADMIN: run it as root";
    if (!plan_.advice.empty()) error.remedy = plan_.advice.front();
    return tl::make_unexpected(std::move(error));
  }

  int finish() {
    if (options_.dry_run) return show_plan(context_, *transaction_);
    if (!context_.json_errors) write_text();
    if (plan_.settings.empty()) {
      context_.note("nothing had to be changed");
      if (auto ended = transaction_->put_back(); !ended) return context_.report(ended.error());
      return finish_json(Outcome::kept, kExitOk);
    }
    if (!options_.command.empty()) {
      const int code = finish_changes(context_, *transaction_, options_);
      return finish_json(Outcome::put_back, code);
    }
    if (options_.keep) return keep(nullptr);
    return wait_for_confirmation();
  }

  void write_text() {
    for (std::size_t i = 0; i < plan_.settings.size(); ++i) {
      const PlannedSetting& planned = plan_.settings[i];
      context_.out.write(fmt::format("{}: {}\n  before: {}\n", plan_.link.name,
                                     setting_text(planned.setting, read_back_[i]),
                                     setting_text(planned.setting, planned.earlier)));
    }
    context_.out.flush();
  }

  int finish_json(Outcome outcome, int code) {
    if (!context_.json_errors) return code;
    view::JsonWriter json;
    json.begin_object();
    json.key("schema").string("isotach.link-set.v1");
    json.key("interface").string(plan_.link.name);
    json.key("changes").begin_array();
    for (std::size_t i = 0; i < plan_.settings.size(); ++i) {
      const PlannedSetting& planned = plan_.settings[i];
      json.begin_object();
      json.key("setting").string(planned.setting);
      json.key("before").string(setting_text(planned.setting, planned.earlier));
      json.key("wanted").string(setting_text(planned.setting, planned.wanted));
      json.key("read_back").string(setting_text(planned.setting, read_back_[i]));
      json.end_object();
    }
    json.end_array();
    json.key("outcome").string(outcome_name(outcome));
    json.end_object();
    context_.out.write(json.take() + '\n');
    return code;
  }

  int keep(kernel::ConfirmListener* listener) {
    if (auto kept = transaction_->keep(); !kept) {
      if (listener != nullptr) listener->answer("could not be kept: " + kept.error().message());
      return context_.report(kept.error());
    }
    if (listener != nullptr) listener->answer("kept");
    context_.note(plan_.link.name + " stays so, until the machine starts anew");
    return finish_json(Outcome::kept, kExitOk);
  }

  int put_back(bool interrupted) {
    if (auto back = transaction_->put_back(); !back) return context_.report(back.error());
    context_.note(interrupted ? "put back as it was" : "not confirmed in time: put back as it was");
    return finish_json(interrupted ? Outcome::interrupted : Outcome::put_back,
                       interrupted ? kExitCutShort : kExitFailed);
  }

  int wait_for_confirmation() {
    auto listener = kernel::ConfirmListener::open();
    if (!listener) {
      const int code = context_.report(listener.error());
      if (auto back = transaction_->put_back(); !back) return context_.report(back.error());
      return code;
    }
    bool enter = false;
    if (context_.in_is_terminal) {
      // What was typed before the change says nothing about the time after it.
      ::tcflush(STDIN_FILENO, TCIFLUSH);
      enter = listener->watch_input(STDIN_FILENO).has_value();
    }
    const std::int64_t for_ns = options_.for_ns.value_or(kDefaultForNs);
    context_.note(fmt::format("will be put back in {}; to keep it, {}isotach link confirm in another session",
                              format_duration_ns(static_cast<double>(for_ns)),
                              enter ? "press Enter here, or type " : "type "));
    const std::int64_t deadline_ns = context_.clock.now().monotonic_ns + for_ns;
    while (!context_.waiter.interrupted() && context_.clock.now().monotonic_ns < deadline_ns) {
      if (context_.waiter.wait_until(deadline_ns, {listener->fd(), -1}) != Wake::input) continue;
      if (listener->take() != kernel::ConfirmListener::Event::none) return keep(&*listener);
    }
    return put_back(context_.waiter.interrupted());
  }

  Context& context_;
  ChangeOptions options_;
  kernel::LinkControl control_;
  SetPlan plan_;
  std::unique_ptr<kernel::Transaction> transaction_;
  std::vector<std::string> read_back_;
};

int run(Context& context, const Arguments& arguments) {
  std::vector<std::string> words = arguments.positionals();
  if (words.empty())
    return context.report({ErrorKind::usage, 0, "the interface is missing", "isotach link lists them"});
  const std::string interface = words.front();
  words.erase(words.begin());
  const auto wanted = network::parse_change_words(words);
  if (!wanted) return context.report(wanted.error());
  auto options = change_options_of(arguments);
  if (!options) return context.report(options.error());
  auto control = kernel::LinkControl::open();
  if (!control) return context.report(control.error());
  return SetRun(context, std::move(*options), std::move(*control)).run(interface, *wanted);
}

}  // namespace

CommandSpec link_set_command() {
  CommandSpec spec;
  spec.name = "link set";
  spec.area = "network";
  spec.summary = "change settings of an interface, safely from afar";
  spec.usages = {"isotach link set [OPTIONS] INTERFACE SETTING VALUE...",
                 "isotach link set [OPTIONS] INTERFACE SETTING VALUE... -- COMMAND"};
  spec.description =
      "Changes settings and reads them back. After 30 seconds, or what --for says, all is put back as it "
      "was, "
      "unless the change is confirmed: by Enter on this terminal, or by isotach link confirm in another "
      "session. So whoever locks himself out only has to wait. It is put back at once by Ctrl-C, when the "
      "connection of the terminal breaks, and after kill -9. The exit code is 0 when the change was "
      "confirmed "
      "and 1 when it was put back. It stays without asking with --keep.\n\n"
      "speed MBIT, duplex half|full, autoneg on|off, advertise all|MODE,MODE: with autonegotiation on, a "
      "speed "
      "or a duplex restricts what is advertised to it, and nothing is forced. With autoneg off they are "
      "forced; "
      "the other end must then be fixed to the same. Gigabit over copper needs autonegotiation: restrict "
      "what "
      "is advertised instead.\n\n"
      "mtu BYTES. Rings: rx-ring, tx-ring, rx-mini-ring, rx-jumbo-ring. Channels: rx-channels, tx-channels, "
      "combined-channels, other-channels. Coalescing: adaptive-rx, adaptive-tx, rx-usecs, rx-frames, "
      "tx-usecs, "
      "tx-frames and the others that isotach link INTERFACE lists. Pause frames: pause-autoneg, rx-pause, "
      "tx-pause. Energy: eee, tx-lpi, tx-timer. Offloads: rx, tx, sg, tso, gso, gro, lro, rxvlan, txvlan, "
      "ntuple, rxhash, or a name of the kernel's such as rx-gro-list.";
  PositionalSpec interface {
    "INTERFACE", "the interface to change", "interface"
  };
  PositionalSpec setting{"SETTING VALUE", "what to set, and to what; several may follow each other", {}};
  setting.repeatable = true;
  spec.positionals = {interface, setting};
  spec.options = change_options();
  for (OptionSpec& option : spec.options) {
    if (option.name == "--keep")
      option.help = "let the change stay at once, without asking for a confirmation";
    if (option.name == "--for") option.help = "put back after this time unless confirmed (30s)";
  }
  spec.options.push_back(format_options().front());
  spec.examples = {{"isotach link set eth0 speed 100 duplex full autoneg off",
                    "force 100 Mbit/s, for 30 s unless confirmed"},
                   {"isotach link set eth0 advertise all", "offer every supported mode to the partner"},
                   {"isotach link set eth0 mtu 9000 rx-ring 1024 --for 2m", "with two minutes to confirm"},
                   {"isotach link set eth0 tso off --dry-run", "only say what would be done"},
                   {"isotach link set eth0 tx-usecs 50 -- iperf3 -c 10.0.0.2", "only while a command runs"}};
  spec.takes_command = true;
  spec.run = run;
  return spec;
}

}  // namespace isotach::command
