// The interfaces of a network namespace before and after something was watched, and which of them a
// connection goes through.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "doctor/transfer.h"
#include "kernel/socket_list.h"
#include "network/link/snapshot.h"

namespace isotach::command {

class LinkContext {
 public:
  // `name_space` as in kernel/network_namespace.h; empty for that of this program.
  LinkContext(Clock& clock, std::string name_space) : clock_(clock), namespace_(std::move(name_space)) {}

  // Where links cannot be read, nothing is known of them: connections are judged without.
  void begin() { read(before_); }
  void end() { read(now_); }
  // For one that goes on: from now on what was last read is the "before".
  void turn();
  // What was measured of the path by other means: capacity and packet sizes.
  void know(const doctor::PathFacts& measured) { measured_ = measured; }
  // That, and speed and findings of the interface with the local address of that connection.
  [[nodiscard]] doctor::PathFacts path_of(const kernel::SocketEntry& socket) const;
  // What is wrong with any of them.
  [[nodiscard]] std::vector<doctor::Finding> findings() const;

 private:
  void read(std::optional<network::LinkSnapshot>& snapshot);
  [[nodiscard]] doctor::Diagnosis diagnose(const std::string& interface) const;

  Clock& clock_;
  std::string namespace_;
  doctor::PathFacts measured_;
  std::optional<network::LinkSnapshot> before_, now_;
  std::vector<std::pair<std::string, std::string>> addresses_;  // bytes, interface
};

}  // namespace isotach::command
