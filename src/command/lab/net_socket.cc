#include "command/lab/net_socket.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace isotach::command {
namespace {

constexpr std::string_view kPrefix = "isotach-lab/";
constexpr std::size_t kMostBytes = std::size_t{1} << 20;
constexpr timeval kPatience = {10, 0};
constexpr timeval kClientPatience = {0, 200'000};  // packets wait meanwhile

Result<Fd> open_socket(const std::string& name, sockaddr_un& address, socklen_t& size) {
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return system_failure(errno, "open a socket");
  address.sun_family = AF_UNIX;
  const std::string text = std::string(kPrefix) + name;
  std::copy(text.begin(), text.end(), address.sun_path + 1);
  size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  return fd;
}

std::string read_to_end(int fd, bool line_only) {
  std::string text;
  std::array<char, 4096> buffer;
  while (text.size() < kMostBytes && !(line_only && text.ends_with('\n'))) {
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

std::string error_text(const Error& error) {
  return "error\n" + std::to_string(static_cast<int>(error.kind)) + '\n' + error.message() + '\n' +
         error.remedy;
}

Error error_of(std::string_view text) {
  const auto lines = split(text, '\n');
  Error error{ErrorKind::failed, 0, "the path's process did not answer", {}};
  if (lines.size() < 4) return error;
  const auto kind = parse_unsigned(lines[1]);
  if (kind && *kind <= static_cast<unsigned>(ErrorKind::not_supported))
    error.kind = static_cast<ErrorKind>(*kind);
  error.doing = std::string(lines[2]);
  error.remedy = std::string(lines[3]);
  return error;
}

}  // namespace

Result<Fd> listen_net(const std::string& name) {
  sockaddr_un address{};
  socklen_t size = 0;
  auto fd = open_socket(name, address, size);
  if (!fd) return fd;
  if (::bind(fd->get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 && errno == EADDRINUSE)
    return failure(ErrorKind::failed, "there is a path '" + name + "' already",
                   "isotach lab net down " + name + " removes it");
  constexpr int kWaiting = 16;
  if (::listen(fd->get(), kWaiting) != 0) return system_failure(errno, "listen for requests");
  return fd;
}

void answer_net(int listener, const std::function<Result<std::string>(const std::string&)>& answer) {
  const Fd client(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  if (!client.is_open()) return;
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(client.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  if (peer.uid != 0 && peer.uid != ::getuid()) return;
  ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &kClientPatience, sizeof kClientPatience);
  ::setsockopt(client.get(), SOL_SOCKET, SO_SNDTIMEO, &kClientPatience, sizeof kClientPatience);
  std::string request = read_to_end(client.get(), true);
  if (!request.ends_with('\n')) return;
  request.pop_back();
  const auto answered = answer(request);
  const std::string text = answered ? "ok\n" + *answered : error_text(answered.error());
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t wrote = ::send(client.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (wrote <= 0) return;
    sent += static_cast<std::size_t>(wrote);
  }
}

static Result<std::string> request_once(const std::string& name, const std::string& request, int tries_left) {
  sockaddr_un address{};
  socklen_t size = 0;
  auto fd = open_socket(name, address, size);
  if (!fd) return tl::make_unexpected(std::move(fd.error()));
  if (::connect(fd->get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    std::string names;
    for (const std::string& each : listening_nets()) names += (names.empty() ? "" : ", ") + each;
    return failure(
        ErrorKind::failed, "there is no path '" + printable(name) + "'",
        names.empty() ? "isotach lab net up " + printable(name) + " makes one" : "there are: " + names);
  }
  ::setsockopt(fd->get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  const std::string line = request + '\n';
  if (::send(fd->get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) {
    // It does not wait long for one who gets no processor between connecting and asking.
    if (errno == EPIPE && tries_left > 0) return request_once(name, request, tries_left - 1);
    return system_failure(errno, "ask the path's process");
  }
  const std::string text = read_to_end(fd->get(), false);
  if (text.starts_with("ok\n")) return text.substr(3);
  return tl::make_unexpected(error_of(text));
}

Result<std::string> request_net(const std::string& name, const std::string& request) {
  constexpr int kMoreTries = 5;
  return request_once(name, request, kMoreTries);
}

std::vector<std::string> listening_nets() {
  std::vector<std::string> names;
  const auto table = read_file("/proc/net/unix");
  if (!table) return names;
  for (const std::string_view line : split(*table, '\n')) {
    const std::size_t at = line.find("@" + std::string(kPrefix));
    // Connections that were accepted have the name too; only the listener has the flag.
    if (at == line.npos || line.find(" 00010000 ") == line.npos) continue;
    names.emplace_back(line.substr(at + 1 + kPrefix.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace isotach::command
