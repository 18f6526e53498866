// isotach nettest: throughput, loss, jitter and latency between two hosts.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "command/context.h"
#include "command/nettest/campaign.h"
#include "command/nettest/csv.h"
#include "command/nettest/options.h"
#include "command/nettest/output.h"
#include "command/record_info.h"
#include "command/spec.h"
#include "kernel/privileges.h"
#include "kernel/system_root.h"

namespace isotach::command {
namespace {

// Forks, and returns in the process that goes on. The other one ends when that says that it listens, or with
// its exit code where it does not come so far: what keeps it from that is told at the terminal.
Result<Fd> go_on_in_background(Context& context) {
  context.out.flush();
  context.err.flush();
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure(errno, "go on in the background");
  Fd waits(ends[0]);
  Fd says(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return system_failure(errno, "go on in the background");
  if (child == 0) return says;
  says.reset();
  char listens = 0;
  while (::read(waits.get(), &listens, 1) < 0 && errno == EINTR) continue;
  if (listens != 0) ::_exit(kExitOk);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : kExitFailed);
}

// With nothing of the terminal kept. What was redirected to a file stays there: it is the log.
void leave_terminal(Fd says) {
  ::setsid();
  if (const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC)); null.is_open())
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
      if (::isatty(fd) != 0) ::dup2(null.get(), fd);
  const char listens = 1;
  [[maybe_unused]] const ssize_t ignored = ::write(says.get(), &listens, 1);
}

int serve(Context& context, const NettestOptions& options) {
  Fd says;
  if (options.daemon) {
    auto gone = go_on_in_background(context);
    if (!gone) return context.report(gone.error());
    says = std::move(*gone);
  }
  auto kept = kernel::capabilities_to_test();
  // The key and the names belong to root, and are read anew when they have changed.
  if (options.listen.users) kept.push_back(CAP_DAC_READ_SEARCH);
  if (auto dropped = kernel::drop_privileges(kept); !dropped) return context.report(dropped.error());
  ServerOutput output(context, options.format, [&says] {
    if (says.is_open()) leave_terminal(std::move(says));
  });
  if (options.format == Format::csv) context.out.write(nettest_csv_head());
  const auto served = nettest::run_server(options.listen, context.waiter, context.clock, output);
  if (!served) return context.report(served.error());
  return options.listen.one_test && output.failed() ? kExitFailed : kExitOk;
}

int run_nettest(Context& context, const Arguments& arguments) {
  const auto options = nettest_options_of(arguments);
  if (!options) return context.report(options.error());
  if (options->server) return serve(context, *options);
  return run_campaign(context, *options,
                      recording_info(context, arguments, kernel::SystemRoot(), context.clock.now(),
                                     options->client.interval_ns));
}

}  // namespace

CommandSpec nettest_command() {
  CommandSpec spec;
  spec.name = "nettest";
  spec.area = "network";
  spec.summary = "throughput, loss, jitter and latency between two hosts";
  spec.usages = {"isotach nettest -s [OPTIONS]", "isotach nettest -c HOST [OPTIONS]"};
  spec.description =
      "Sends data between a client and a server and tells what arrived, how fast, and what limited it. It "
      "speaks "
      "the protocol of iperf3: either end may be a stock iperf3, with TCP and UDP, in each direction. "
      "Options have "
      "the letters of iperf3, and --json its keys.\n\n"
      "The server runs any number of tests at once; whoever connects and says nothing is dropped and keeps "
      "nobody "
      "waiting. It listens on this machine only unless -B names an address: whoever reaches it can make it "
      "send "
      "and receive as fast as the machine can, so open it only where you want that.\n\n"
      "With --rr and --crr requests and responses go back and forth, one at a time on each stream, and the "
      "times "
      "of all of them are told up to p99.99. That needs Isotach at both ends.\n\n"
      "Both ends agree on what was sent and received: what is in flight at the end is waited for. Where a "
      "processor of ours or a receive buffer was the limit, a warning says so, and does not call it the "
      "network. "
      "Ctrl-C ends a test early with the results until then.\n\n"
      "Sizes (-l, -w, -n, -r) take K, M and G as powers of 1024, rates (-b) as powers of 1000.";
  spec.options = nettest_option_specs();
  spec.examples = {{"isotach nettest -s -B '*'", "serve all who can reach this machine"},
                   {"isotach nettest -c host", "TCP to the server for ten seconds"},
                   {"isotach nettest -c host -R -P 4 -t 30", "from the server, over four streams"},
                   {"isotach nettest -c host -u -b 50M -l 1400", "UDP at 50 Mbit/s: loss and jitter"},
                   {"isotach nettest -c host --rr -r 2K,32K", "how long a request of 2 KiB for 32 KiB takes"},
                   {"isotach nettest -c host --iperf2 -u -b 10M", "against a server of iperf 2: iperf -s -u"},
                   {"isotach nettest -c host --json", "one document with the keys of iperf3"}};
  spec.run = run_nettest;
  return spec;
}

}  // namespace isotach::command
