// How long the DNS servers of this host take to answer: a question for the root's servers, which every
// resolver has at hand, so that the time is that of the server and of the way to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/wait.h"
#include "kernel/socket.h"

namespace isotach::network {

inline constexpr std::size_t kNameServerLimit = 3;  // as many as the C library asks

// The servers of a text such as /etc/resolv.conf; without any, that of this host.
[[nodiscard]] std::vector<std::string> parse_resolv_conf(std::string_view text);

struct NameServerAnswer {
  std::string server;
  std::optional<double> time_ms;  // nothing: no answer in time
  std::string trouble;            // why not: "no answer within 2 s", "refused", "SERVFAIL"
};

// A question of type NS for the root with that number.
[[nodiscard]] std::string root_question(std::uint16_t id);
// What an answer to that question says: nothing for other bytes, else the code (0: fine).
[[nodiscard]] std::optional<int> answer_code(std::string_view bytes, std::uint16_t id);

// Asks all at once; waits until all have answered, `limit_ns` is over, or a signal comes.
[[nodiscard]] std::vector<NameServerAnswer> ask_name_servers(const std::vector<std::string>& servers,
                                                             std::int64_t limit_ns, SignalWaiter& waiter,
                                                             Clock& clock, std::uint16_t port = 53);

}  // namespace isotach::network
