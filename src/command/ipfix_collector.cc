#include "command/ipfix_collector.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>

#include "base/text.h"

namespace isotach::command {
namespace {

struct AddressCloser {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

}  // namespace

Result<HostAndPort> parse_host_and_port(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  HostAndPort result;
  if (colon != std::string::npos) {
    result.host = text.substr(0, colon);
    result.port = text.substr(colon + 1);
    const bool bracketed = result.host.size() >= 2 && result.host.front() == '[' && result.host.back() == ']';
    if (bracketed) result.host = result.host.substr(1, result.host.size() - 2);
    if (!bracketed && result.host.find(':') != std::string::npos) result.host.clear();
  }
  const auto port = parse_unsigned(result.port);
  if (result.host.empty() || !port || *port == 0 || *port > 65535)
    return failure(ErrorKind::usage, "'" + printable(text) + "' is no address of a collector",
                   "write host and port, such as collector:4739 or [2001:db8::1]:4739");
  return result;
}

Result<Fd> connect_to_collector(const std::string& collector) {
  const auto place = parse_host_and_port(collector);
  if (!place) return tl::make_unexpected(place.error());
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(place->host.c_str(), place->port.c_str(), &hints, &found); code != 0)
    return failure(ErrorKind::failed,
                   "the collector " + printable(place->host) + " is not found: " + ::gai_strerror(code));
  const std::unique_ptr<addrinfo, AddressCloser> list(found);
  int error = 0;
  for (const addrinfo* one = list.get(); one != nullptr; one = one->ai_next) {
    Fd socket(::socket(one->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (socket.is_open() && ::connect(socket.get(), one->ai_addr, one->ai_addrlen) == 0) return socket;
    error = errno;
  }
  return system_failure(error, "reach the collector " + printable(collector));
}

Result<IpfixOutput> IpfixOutput::open(const std::string& where) {
  if (where.find('/') == std::string::npos && parse_host_and_port(where)) {
    auto socket = connect_to_collector(where);
    if (!socket) return tl::make_unexpected(std::move(socket.error()));
    return IpfixOutput(std::move(*socket), false, where);
  }
  // A port that is none would make a file of that name.
  if (where.find(':') != std::string::npos && where.find('/') == std::string::npos)
    return failure(ErrorKind::usage, "'" + printable(where) + "' is no HOST:PORT",
                   "write such as collector:4739; a file whose name has a colon: ./" + printable(where));
  Fd file(::open(where.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  const int error = file.is_open() ? 0 : errno;
  if (error != 0)
    return system_failure(error, "create " + printable(where),
                          error == EEXIST ? "name another, or remove it first" : "");
  return IpfixOutput(std::move(file), true, where);
}

Result<void> IpfixOutput::write(const std::vector<std::string>& messages, const std::function<void()>& rest) {
  // 22 KiB, a tenth of the receive buffer that Linux gives a socket that asks for none.
  constexpr std::size_t kMessagesPerRest = 16;
  for (const std::string& message : messages) {
    if (is_file_) {
      if (auto written = write_all(fd_.get(), message); !written) {
        written.error().doing = "write " + printable(where_);
        return written;
      }
      continue;
    }
    if (::send(fd_.get(), message.data(), message.size(), 0) < 0)
      return system_failure(errno, "send flow records to " + printable(where_),
                            "start a collector there, such as nfcapd; UDP tells only that there is none");
    if (++since_rest_ % kMessagesPerRest == 0) rest();
  }
  return {};
}

}  // namespace isotach::command
