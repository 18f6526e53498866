// Expressions of libpcap, as tcpdump takes them: "host 10.0.0.1 and tcp port 443". Frames of any link type
// that libpcap knows are matched; those of others never match.
//
// One object, one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "network/packet/frame.h"

namespace isotach::network {

class PacketFilter {
 public:
  // A usage error, with what libpcap says, where the expression is wrong.
  [[nodiscard]] static Result<PacketFilter> parse(const std::string& expression);

  [[nodiscard]] bool matches(const Frame& frame);

 private:
  struct Program;  // compiled for one link type
  struct Freer {
    void operator()(Program* program) const;
  };
  using Owned = std::unique_ptr<Program, Freer>;

  explicit PacketFilter(std::string expression) : expression_(std::move(expression)) {}
  // An empty pointer where the expression makes no sense for the link type; `why` says so then.
  [[nodiscard]] static Owned compile(const std::string& expression, std::uint32_t link_type,
                                     std::string& why);

  std::string expression_;
  std::map<std::uint32_t, Owned> programs_;
};

}  // namespace isotach::network
