// Designs of transactions that published tools have, for bench/nettest_transactions.py where those tools are
// not installed: many connections by one thread and epoll, as neper's tcp_rr does it (the server changes the
// interest of each connection around each request); one connection and blocking calls, as netperf's TCP_RR;
// and a connection for each transaction, one at a time, as netperf's TCP_CRR.
//
// usage: nettest_peer rr-server PORT | rr-client PORT FLOWS SECONDS
//        nettest_peer one-server PORT REQUEST RESPONSE | one-client PORT REQUEST RESPONSE SECONDS
//        nettest_peer crr-server PORT | crr-client PORT SECONDS
//
// The client prints transactions per second. Loopback; one byte each way where no sizes are given.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>
#include <vector>

namespace {

double now_s() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

sockaddr_in address_of(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

[[noreturn]] void fail(const char* doing) {
  std::perror(doing);
  std::exit(1);
}

int listen_on(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = address_of(port);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
  if (::listen(fd, 1024) != 0) fail("listen");
  return fd;
}

int connect_to(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = address_of(port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("connect");
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

void watch(int poller, int operation, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  ::epoll_ctl(poller, operation, fd, &event);
}

// Ends when the last client has gone.
void serve_many(int port) {
  const int listener = listen_on(port);
  const int poller = ::epoll_create1(0);
  watch(poller, EPOLL_CTL_ADD, listener, EPOLLIN);
  int clients = 0;
  std::array<epoll_event, 64> events;
  do {
    const int count = ::epoll_wait(poller, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      char byte = 0;
      if (fd == listener) {
        const int client = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        const int on = 1;
        ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(poller, EPOLL_CTL_ADD, client, EPOLLIN);
        ++clients;
      } else if ((events[i].events & EPOLLOUT) != 0) {
        if (::send(fd, &byte, 1, MSG_NOSIGNAL) == 1) watch(poller, EPOLL_CTL_MOD, fd, EPOLLIN);
      } else if (::recv(fd, &byte, 1, 0) == 1) {
        watch(poller, EPOLL_CTL_MOD, fd, EPOLLOUT);
      } else {
        ::close(fd);
        --clients;
      }
    }
  } while (clients > 0);
}

void ask_many(int port, int flows, double seconds) {
  const int poller = ::epoll_create1(0);
  char byte = 0;
  for (int i = 0; i < flows; ++i) {
    const int fd = connect_to(port);
    watch(poller, EPOLL_CTL_ADD, fd, EPOLLIN);
    if (::send(fd, &byte, 1, 0) != 1) fail("send");
  }
  const double start_s = now_s();
  double end_s = start_s;
  long transactions = 0;
  std::array<epoll_event, 64> events;
  while (end_s - start_s < seconds) {
    const int count = ::epoll_wait(poller, events.data(), static_cast<int>(events.size()), 1000);
    for (int i = 0; i < count; ++i) {
      if (::recv(events[i].data.fd, &byte, 1, 0) != 1) fail("recv");
      ++transactions;
      if (::send(events[i].data.fd, &byte, 1, 0) != 1) fail("send");
    }
    end_s = now_s();
  }
  std::printf("%.1f\n", static_cast<double>(transactions) / (end_s - start_s));
}

bool moves_all(int fd, std::vector<char>& buffer, bool sends) {
  for (std::size_t done = 0; done < buffer.size();) {
    const ssize_t moved = sends ? ::send(fd, buffer.data() + done, buffer.size() - done, MSG_NOSIGNAL)
                                : ::recv(fd, buffer.data() + done, buffer.size() - done, 0);
    if (moved <= 0) return false;
    done += static_cast<std::size_t>(moved);
  }
  return true;
}

void serve_one(int port, std::size_t request_bytes, std::size_t response_bytes) {
  const int client = ::accept(listen_on(port), nullptr, nullptr);
  const int on = 1;
  ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::vector<char> request(request_bytes);
  std::vector<char> response(response_bytes);
  while (moves_all(client, request, false) && moves_all(client, response, true)) continue;
}

void ask_one(int port, std::size_t request_bytes, std::size_t response_bytes, double seconds) {
  const int fd = connect_to(port);
  std::vector<char> request(request_bytes);
  std::vector<char> response(response_bytes);
  const double start_s = now_s();
  double end_s = start_s;
  long transactions = 0;
  while (end_s - start_s < seconds) {
    if (!moves_all(fd, request, true) || !moves_all(fd, response, false)) fail("transaction");
    ++transactions;
    end_s = now_s();
  }
  std::printf("%.1f\n", static_cast<double>(transactions) / (end_s - start_s));
}

// Ends when a client closes without having asked.
void serve_each(int port) {
  const int listener = listen_on(port);
  for (;;) {
    const int client = ::accept(listener, nullptr, nullptr);
    char byte = 0;
    const bool asked = ::recv(client, &byte, 1, 0) == 1;
    if (asked) ::send(client, &byte, 1, MSG_NOSIGNAL);
    ::close(client);
    if (!asked) return;
  }
}

void ask_each(int port, double seconds) {
  const double start_s = now_s();
  double end_s = start_s;
  long transactions = 0;
  char byte = 0;
  while (end_s - start_s < seconds) {
    const int fd = connect_to(port);
    const linger at_once = {1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    if (::send(fd, &byte, 1, 0) != 1 || ::recv(fd, &byte, 1, 0) != 1) fail("transaction");
    ::close(fd);
    ++transactions;
    end_s = now_s();
  }
  ::close(connect_to(port));
  std::printf("%.1f\n", static_cast<double>(transactions) / (end_s - start_s));
}

}  // namespace

int main(int count, char** words) {
  if (count < 3) return 2;
  const std::string_view what = words[1];
  const int port = std::atoi(words[2]);
  if (what == "rr-server") serve_many(port);
  if (what == "rr-client" && count == 5) ask_many(port, std::atoi(words[3]), std::atof(words[4]));
  const auto bytes = [words](int place) { return static_cast<std::size_t>(std::atol(words[place])); };
  if (what == "one-server" && count == 5) serve_one(port, bytes(3), bytes(4));
  if (what == "one-client" && count == 6) ask_one(port, bytes(3), bytes(4), std::atof(words[5]));
  if (what == "crr-server") serve_each(port);
  if (what == "crr-client" && count == 4) ask_each(port, std::atof(words[3]));
  return 0;
}
