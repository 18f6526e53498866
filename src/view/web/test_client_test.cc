#include "view/web/test_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>

namespace isotach::view {
namespace {

constexpr auto kDeadline = std::chrono::seconds(10);

}  // namespace

TestClient::TestClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    ended_ = true;
}

void TestClient::send(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (count <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

const std::string& TestClient::read_until(const std::function<bool(const std::string&)>& enough) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  std::array<char, 16384> piece;
  while (!ended_ && !enough(received_)) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd target{socket_.get(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&target, 1, static_cast<int>(left.count())) <= 0) break;
    const ssize_t count = ::recv(socket_.get(), piece.data(), piece.size(), 0);
    if (count <= 0)
      ended_ = true;
    else
      received_.append(piece.data(), static_cast<std::size_t>(count));
  }
  return received_;
}

std::string fetch(std::uint16_t port, std::string_view path, std::string_view headers,
                  std::string_view method) {
  TestClient client(port);
  std::string request(method);
  request.append(" ").append(path).append(" HTTP/1.1\r\nConnection: close\r\n");
  if (headers.find("Host:") == std::string_view::npos) request += "Host: 127.0.0.1\r\n";
  client.send(request.append(headers).append("\r\n"));
  return client.read_to_end();
}

int status_of(std::string_view response) {
  constexpr std::string_view kStart = "HTTP/1.1 ";
  return response.starts_with(kStart) ? std::atoi(std::string(response.substr(kStart.size(), 3)).c_str()) : 0;
}

std::string body_of(std::string_view response) {
  const std::size_t end = response.find("\r\n\r\n");
  return end == std::string_view::npos ? std::string() : std::string(response.substr(end + 4));
}

}  // namespace isotach::view
