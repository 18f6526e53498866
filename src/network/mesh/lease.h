// That no host is in two tests at once, also where clocks differ: before a test, a host takes its own lease
// and asks the other for its. A lease is held as long as the connection on which it was given, and not longer
// than a slot.
//
// What goes over the connection, each a line of at most 128 bytes:
//     isotach-mesh 1 NAME        whose test it would be
//     go | busy NAME | no WHY    the answer; after `busy` and `no` the connection is closed
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "kernel/socket.h"

namespace isotach::mesh {

inline constexpr std::size_t kLongestLine = 128;

// The name in a request; nothing where it is none. `line` comes without its end.
[[nodiscard]] std::optional<std::string> name_of_request(std::string_view line);

// Gives the lease of this host to one at a time. A thread of its own answers; all functions may be called by
// any thread.
class LeaseKeeper {
 public:
  struct Options {
    std::vector<kernel::SocketAddress> members;  // whose requests are listened to; their ports do not matter
    std::int64_t longest_ns = 60'000'000'000;    // of a lease
  };
  static constexpr std::size_t kMostConnections = 32;
  // How long a connection may take until its request is complete.
  static constexpr std::int64_t kRequestLimitNs = 3'000'000'000;

  [[nodiscard]] static Result<std::unique_ptr<LeaseKeeper>> listen(const kernel::SocketAddress& address,
                                                                   Options options);
  ~LeaseKeeper();
  LeaseKeeper(const LeaseKeeper&) = delete;
  LeaseKeeper& operator=(const LeaseKeeper&) = delete;

  // Where it listens: with the port that was given for 0.
  [[nodiscard]] kernel::SocketAddress address() const;
  // For a test that this host begins. False: somebody holds it.
  [[nodiscard]] bool take(const std::string& for_what);
  void give_back();
  // Who holds it; nothing when it is free.
  [[nodiscard]] std::optional<std::string> holder() const;

 private:
  class Service;
  explicit LeaseKeeper(std::unique_ptr<Service> service);
  std::unique_ptr<Service> service_;
};

// The lease of another host, given back when it goes.
class Lease {
 public:
  explicit Lease(Fd connection) : connection_(std::move(connection)) {}

 private:
  Fd connection_;
};

// Asks until `limit_ns` (monotonic) at the latest. Nothing: somebody else has it.
[[nodiscard]] Result<std::optional<Lease>> ask_for_lease(const kernel::SocketAddress& from,
                                                         const kernel::SocketAddress& of,
                                                         const std::string& name, std::int64_t limit_ns);

}  // namespace isotach::mesh
