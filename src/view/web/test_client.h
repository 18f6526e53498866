// A client for tests that speaks HTTP byte by byte, so that it can also speak it badly.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace isotach::view {

class TestClient {
 public:
  explicit TestClient(std::uint16_t port);

  void send(std::string_view text);
  // Reads until `enough` of what came so far, the end of the connection, or a deadline of ten seconds.
  const std::string& read_until(const std::function<bool(const std::string&)>& enough);
  const std::string& read_until(std::string_view text) {
    return read_until([text](const std::string& all) { return all.find(text) != std::string::npos; });
  }
  const std::string& read_to_end() {
    return read_until([](const std::string&) { return false; });
  }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] int socket() const { return socket_.get(); }

 private:
  Fd socket_;
  std::string received_;
  bool ended_ = false;
};

// One request on a connection of its own; the whole answer.
[[nodiscard]] std::string fetch(std::uint16_t port, std::string_view path, std::string_view headers = {},
                                std::string_view method = "GET");
[[nodiscard]] int status_of(std::string_view response);
[[nodiscard]] std::string body_of(std::string_view response);

}  // namespace isotach::view
