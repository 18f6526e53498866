#include "network/names/name_servers.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"

namespace isotach::network {
namespace {

constexpr std::size_t kHeadBytes = 12;
constexpr std::uint8_t kIsAnswer = 0x80;
constexpr std::uint8_t kRecursionDesired = 0x01;

std::string code_text(int code) {
  static constexpr const char* kCodes[] = {"", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
  return code < 6 ? kCodes[code] : fmt::format("error {}", code);
}

struct Question {
  Fd fd;
  std::uint16_t id = 0;
  std::int64_t sent_ns = 0;
  bool waits = false;
};

// False while it waits on.
bool take_answer(Question& question, NameServerAnswer& answer, std::int64_t now_ns) {
  std::array<char, 1500> bytes;
  const ssize_t size = ::recv(question.fd.get(), bytes.data(), bytes.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (size < 0) {
    answer.trouble = errno == ECONNREFUSED ? "no server there" : "cannot be reached";
    return true;
  }
  const auto code = answer_code({bytes.data(), static_cast<std::size_t>(size)}, question.id);
  if (!code) return false;
  answer.time_ms = static_cast<double>(now_ns - question.sent_ns) / 1e6;
  answer.trouble = code_text(*code);
  return true;
}

}  // namespace

std::vector<std::string> parse_resolv_conf(std::string_view text) {
  std::vector<std::string> servers;
  for (const std::string_view line : split(text, '\n')) {
    const auto words = split_blanks(line);
    if (words.size() < 2 || words[0] != "nameserver" || servers.size() >= kNameServerLimit) continue;
    servers.push_back(printable(words[1]));
  }
  if (servers.empty()) servers.emplace_back("127.0.0.1");
  return servers;
}

std::string root_question(std::uint16_t id) {
  std::string bytes(kHeadBytes, '\0');
  bytes[0] = static_cast<char>(id >> 8);
  bytes[1] = static_cast<char>(id & 0xff);
  bytes[2] = static_cast<char>(kRecursionDesired);
  bytes[5] = 1;                     // one question:
  bytes += std::string(1, '\0');    // the root,
  bytes += std::string("\0\2", 2);  // its name servers,
  bytes += std::string("\0\1", 2);  // in the Internet
  return bytes;
}

std::optional<int> answer_code(std::string_view bytes, std::uint16_t id) {
  if (bytes.size() < kHeadBytes) return std::nullopt;
  const auto byte = [&](std::size_t index) { return static_cast<std::uint8_t>(bytes[index]); };
  if ((byte(0) << 8 | byte(1)) != id || (byte(2) & kIsAnswer) == 0) return std::nullopt;
  return byte(3) & 0x0f;
}

std::vector<NameServerAnswer> ask_name_servers(const std::vector<std::string>& servers, std::int64_t limit_ns,
                                               SignalWaiter& waiter, Clock& clock, std::uint16_t port) {
  std::vector<NameServerAnswer> answers;
  std::vector<Question> questions;
  const Fd poller(::epoll_create1(EPOLL_CLOEXEC));
  for (const std::string& server : servers) {
    NameServerAnswer& answer = answers.emplace_back();
    Question& question = questions.emplace_back();
    answer.server = server;
    const auto addresses = kernel::resolve(server, port, kernel::IpFamily::any, false);
    auto fd = addresses && !addresses->empty()
                  ? kernel::new_socket(addresses->front(), kernel::Transport::udp)
                  : Result<Fd>(failure(ErrorKind::failed, "no address"));
    if (!fd || !kernel::begin_connect(fd->get(), addresses->front())) {
      answer.trouble = "cannot be reached";
      continue;
    }
    question.fd = std::move(*fd);
    question.sent_ns = clock.now().monotonic_ns;
    question.id = static_cast<std::uint16_t>(question.sent_ns >> 10);
    const std::string bytes = root_question(question.id);
    if (::send(question.fd.get(), bytes.data(), bytes.size(), 0) < 0) {
      answer.trouble = "cannot be reached";
      continue;
    }
    epoll_event event{};
    event.events = EPOLLIN;
    question.waits = ::epoll_ctl(poller.get(), EPOLL_CTL_ADD, question.fd.get(), &event) == 0;
    answer.trouble = "no answer within " + format_duration_ns(static_cast<double>(limit_ns));
  }
  const std::int64_t deadline_ns = clock.now().monotonic_ns + limit_ns;
  const auto waits = [](const Question& question) { return question.waits; };
  while (std::any_of(questions.begin(), questions.end(), waits) && !waiter.interrupted()) {
    const Wake wake = waiter.wait_until(deadline_ns, {.input_fd = poller.get(), .output_fd = -1});
    const std::int64_t now_ns = clock.now().monotonic_ns;
    for (std::size_t i = 0; i < questions.size(); ++i) {
      if (!questions[i].waits || !take_answer(questions[i], answers[i], now_ns)) continue;
      questions[i].waits = false;
      static_cast<void>(::epoll_ctl(poller.get(), EPOLL_CTL_DEL, questions[i].fd.get(), nullptr));
    }
    if (wake == Wake::deadline && now_ns >= deadline_ns) break;
  }
  return answers;
}

}  // namespace isotach::network
