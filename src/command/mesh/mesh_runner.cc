#include "command/mesh/mesh_runner.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/fd.h"
#include "base/text.h"

namespace isotach::command {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
// Before the end of a slot everything is over, also where clocks differ by less than this.
constexpr std::int64_t kMarginNs = kSecondNs / 2;
constexpr std::int64_t kAskAgainNs = kSecondNs / 2;
constexpr std::int64_t kServerLimitNs = 10 * kSecondNs;
constexpr std::int64_t kLookAgainNs = kSecondNs / 50;
constexpr const char* kThisProgram = "/proc/self/exe";
// Of what a test may print.
constexpr std::size_t kDocumentLimitBytes = std::size_t{16} << 20;

// Whether a socket can come from there: the address is one of this machine's.
bool is_ours(const kernel::SocketAddress& address) {
  auto fd = kernel::new_socket(address, kernel::Transport::udp);
  kernel::SocketAddress any_port = address;
  any_port.set_port(0);
  return fd && kernel::bind_to(fd->get(), any_port);
}

Result<kernel::SocketAddress> address_of(const mesh::Host& host, std::uint16_t port) {
  auto found = kernel::resolve(host.address, port, kernel::IpFamily::any, false);
  if (!found) return tl::make_unexpected(std::move(found.error()));
  return found->front();
}

Result<std::size_t> self_of(const mesh::MeshFile& file, const std::optional<std::string>& name) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < file.hosts.size(); ++i) {
    const mesh::Host& host = file.hosts[i];
    if (name && host.name == *name) return i;
    names.push_back(host.name);
    if (name) continue;
    const auto address = address_of(host, 0);
    if (address && is_ours(*address)) return i;
  }
  if (!name)
    return failure(ErrorKind::usage, "none of the addresses in the mesh file is this machine's",
                   "say with --as NAME which host it is");
  const auto near = nearest_word(*name, names);
  return failure(
      ErrorKind::usage, fmt::format("the mesh file has no host '{}'", printable(*name)),
      near ? fmt::format("was {} meant?", *near) : fmt::format("it has: {}", fmt::join(names, ", ")));
}

}  // namespace

Result<MeshMember> read_mesh(const std::string& path, const std::optional<std::string>& name) {
  constexpr std::size_t kLimitBytes = std::size_t{1} << 20;
  const auto text = read_file(path, kLimitBytes);
  if (!text) return tl::make_unexpected(text.error());
  auto file = mesh::parse_mesh_file(*text);
  if (!file) {
    file.error().doing = printable(path) + ": " + file.error().doing;
    return tl::make_unexpected(std::move(file.error()));
  }
  const auto self = self_of(*file, name);
  if (!self) return tl::make_unexpected(self.error());
  return MeshMember{std::move(*file), *self};
}

Result<std::unique_ptr<MeshRunner>> MeshRunner::start(Context& context, MeshMember member,
                                                      Observer observer) {
  std::vector<kernel::SocketAddress> addresses;
  for (const mesh::Host& host : member.file.hosts) {
    auto address = address_of(host, member.file.lease_port);
    if (!address) return tl::make_unexpected(std::move(address.error()));
    addresses.push_back(*address);
  }
  auto keeper = mesh::LeaseKeeper::listen(addresses[member.self],
                                          {.members = addresses, .longest_ns = member.file.slot_ns});
  if (!keeper) return tl::make_unexpected(std::move(keeper.error()));
  std::unique_ptr<MeshRunner> runner(new MeshRunner(context, std::move(member), std::move(addresses),
                                                    std::move(*keeper), std::move(observer)));
  if (auto serving = runner->keep_serving(); !serving) return tl::make_unexpected(std::move(serving.error()));
  return runner;
}

MeshRunner::MeshRunner(Context& context, MeshMember member, std::vector<kernel::SocketAddress> addresses,
                       std::unique_ptr<mesh::LeaseKeeper> keeper, Observer observer)
    : context_(context),
      member_(std::move(member)),
      addresses_(std::move(addresses)),
      keeper_(std::move(keeper)),
      observer_(std::move(observer)) {}

// False: we were interrupted.
bool MeshRunner::idle_until(std::int64_t monotonic_ns) {
  while (!context_.waiter.interrupted()) {
    if (context_.clock.now().monotonic_ns >= monotonic_ns) return true;
    static_cast<void>(context_.waiter.wait_until(monotonic_ns));
  }
  return false;
}

// The server of the tests, which is a process of its own: what it takes is taken from nobody's measurement of
// the agent. It is started again when it has ended.
Result<void> MeshRunner::keep_serving() {
  if (server_ && !server_->has_ended()) return {};
  if (auto started = start_server(); !started) return started;
  // Others may have their turn at once, so it must be there before our lease can be had.
  const std::int64_t limit_ns = context_.clock.now().monotonic_ns + kServerLimitNs;
  while (!server_->has_ended() && server_talk().find("listening on") == std::string::npos) {
    const std::int64_t now_ns = context_.clock.now().monotonic_ns;
    if (now_ns >= limit_ns || !idle_until(now_ns + kLookAgainNs)) break;
  }
  if (context_.waiter.interrupted() || !server_->has_ended()) return {};
  return tl::make_unexpected(server_error());
}

Result<void> MeshRunner::start_server() {
  server_.reset();
  server_talk_ = Fd(::memfd_create("talk", MFD_CLOEXEC));
  if (!server_talk_.is_open()) return system_failure(errno, "make a file in memory");
  // It prints each test; what is kept in memory would grow for as long as the mesh runs.
  const Fd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!nowhere.is_open()) return system_failure(errno, "open /dev/null");
  const std::string port = std::to_string(member_.file.port);
  auto child = kernel::ChildProcess::start(
      {kThisProgram, "nettest", "-s", "-B", self().address, "-p", port, "-i", "0"}, context_.waiter,
      {.output = nowhere.get(), .error = server_talk_.get()});
  if (!child) return tl::make_unexpected(std::move(child.error()));
  server_.emplace(std::move(*child));
  return {};
}

std::string MeshRunner::server_talk() const {
  return read_file(fmt::format("/proc/self/fd/{}", server_talk_.get())).value_or(std::string());
}

Error MeshRunner::server_error() const {
  const std::string text = server_talk();
  return {ErrorKind::failed, 0,
          fmt::format("the server of the tests does not run: {}",
                      printable(trim(std::string_view(text).substr(0, text.find('\n'))))),
          fmt::format("does another one run at {} port {}? The file can name another port", self().address,
                      member_.file.port)};
}

Result<void> MeshRunner::run(std::optional<std::uint64_t> cycles) {
  const Instant start = context_.clock.now();
  const std::int64_t last_wall_ns =
      cycles ? start.wall_ns + static_cast<std::int64_t>(*cycles) * member_.file.every_ns : INT64_MAX;
  std::int64_t after_wall_ns = start.wall_ns;
  while (!context_.waiter.interrupted()) {
    const mesh::Turn turn = mesh::next_turn(member_.file, member_.self, after_wall_ns);
    const Instant now = context_.clock.now();
    const bool over = turn.begin_wall_ns >= last_wall_ns;
    const std::int64_t until_wall_ns = over ? last_wall_ns : turn.begin_wall_ns;
    if (!idle_until(now.monotonic_ns + std::max<std::int64_t>(0, until_wall_ns - now.wall_ns)) || over) break;
    // The clock of the day may have been set while we slept: then the turn is another one.
    const std::int64_t wall_ns = context_.clock.now().wall_ns;
    if (wall_ns + kMarginNs < turn.begin_wall_ns || wall_ns >= turn.end_wall_ns) {
      after_wall_ns = wall_ns;
      continue;
    }
    if (auto serving = keep_serving(); !serving) return serving;
    take_turn(turn);
    after_wall_ns = turn.begin_wall_ns + 1;
  }
  return {};
}

void MeshRunner::take_turn(const mesh::Turn& turn) {
  const Instant now = context_.clock.now();
  const std::int64_t limit_ns = now.monotonic_ns + (turn.end_wall_ns - now.wall_ns) - kMarginNs;
  std::optional<mesh::Lease> lease;
  // In what is left after half of the time the tests would not end.
  const std::int64_t half_ns = now.monotonic_ns + (limit_ns - now.monotonic_ns) / 2;
  if (const auto problem = lease_both(turn.pair.to, half_ns, lease)) {
    observer_(*problem);
  } else {
    for (const mesh::Test& one : member_.file.tests) {
      if (context_.waiter.interrupted()) break;
      observer_(test(one, turn.pair.to, limit_ns));
    }
  }
  lease.reset();
  keeper_->give_back();
}

// Takes our own lease and that of the partner; tells what came of it where it did not succeed.
std::optional<MeshOutcome> MeshRunner::lease_both(std::size_t to, std::int64_t limit_ns,
                                                  std::optional<mesh::Lease>& lease) {
  MeshOutcome outcome;
  outcome.from = self().name;
  outcome.to = member_.file.hosts[to].name;
  outcome.test = member_.file.tests.front().kind;
  outcome.kind = MeshOutcome::Kind::busy;
  kernel::SocketAddress from = addresses_[member_.self];
  from.set_port(0);
  do {
    outcome.wall_ns = context_.clock.now().wall_ns;
    if (keeper_->take(outcome.from)) {
      auto asked = mesh::ask_for_lease(from, addresses_[to], outcome.from, limit_ns);
      if (asked && *asked) {
        lease.emplace(std::move(**asked));
        return std::nullopt;
      }
      outcome.kind = asked ? MeshOutcome::Kind::busy : MeshOutcome::Kind::failed;
      outcome.problem = asked ? outcome.to + " is in another test" : asked.error().message();
      // Two who ask each other must not wait for each other.
      keeper_->give_back();
    } else {
      outcome.kind = MeshOutcome::Kind::busy;
      outcome.problem = fmt::format("this host is in a test of {}", keeper_->holder().value_or("another"));
    }
  } while (idle_until(context_.clock.now().monotonic_ns + kAskAgainNs) &&
           context_.clock.now().monotonic_ns < limit_ns);
  return outcome;
}

MeshOutcome MeshRunner::test(const mesh::Test& test, std::size_t to, std::int64_t limit_ns) {
  const mesh::Host& host = member_.file.hosts[to];
  MeshOutcome outcome;
  outcome.from = self().name;
  outcome.to = host.name;
  outcome.test = test.kind;
  outcome.wall_ns = context_.clock.now().wall_ns;
  const std::string command(mesh::test_name(test.kind));
  std::vector<std::string> words = {kThisProgram, command, "-p", std::to_string(member_.file.port), "--json"};
  if (test.kind == mesh::TestKind::nettest)
    words.insert(words.end(), {"-c", host.address, "-B", self().address});
  words.insert(words.end(), test.options.begin(), test.options.end());
  if (test.kind == mesh::TestKind::path) words.push_back(host.address);
  auto figures = run_program(words, test.kind, limit_ns);
  if (figures) {
    outcome.figures = *figures;
  } else {
    outcome.kind = MeshOutcome::Kind::failed;
    outcome.problem = figures.error().message();
  }
  return outcome;
}

Result<MeshFigures> MeshRunner::run_program(const std::vector<std::string>& words, mesh::TestKind kind,
                                            std::int64_t limit_ns) {
  const Fd output(::memfd_create("result", MFD_CLOEXEC));
  const Fd talk(::memfd_create("talk", MFD_CLOEXEC));
  if (!output.is_open() || !talk.is_open()) return system_failure(errno, "make a file in memory");
  auto child =
      kernel::ChildProcess::start(words, context_.waiter, {.output = output.get(), .error = talk.get()});
  if (!child) return tl::make_unexpected(std::move(child.error()));
  while (!child->has_ended()) {
    const bool late = context_.clock.now().monotonic_ns >= limit_ns;
    if (late || context_.waiter.interrupted()) {
      child->stop(SIGTERM);
      static_cast<void>(child->wait());
      return failure(ErrorKind::failed, late ? "it did not end within its slot" : "interrupted",
                     "give it less to do, or the file a longer slot");
    }
    static_cast<void>(context_.waiter.wait_until(limit_ns));
  }
  static_cast<void>(child->wait());
  const auto document = read_file(fmt::format("/proc/self/fd/{}", output.get()), kDocumentLimitBytes);
  if (!document) return tl::make_unexpected(document.error());
  return figures_of(kind, *document);
}

}  // namespace isotach::command
