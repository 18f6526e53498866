// Conditions on the statistics of a connection, as people write them: "retransmits>10 && duration>5s".
//
//     expression   and, or, not (&&, ||, !), parentheses; comparisons < <= > >= = == !=, and ~ (contains)
//     numbers      10, 1.5, 20K, 3Mi, 5s, 20ms, 2m, 1h; + - * / between them
//     names        those of fields.h, of either case, with "_" for what is no letter; "retransmits",
//                  "duration", "bytes" and others that condition_names() lists
//
// What is counted for each direction holds for either of them; a2b. and b2a. name one, both. demands both,
// as c_, s_ and b_ do in tcptrace. A time without a unit is in the unit of the field. What has no value
// fulfils no comparison. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "network/connections/connection.h"
#include "network/connections/limits.h"

namespace isotach::network {

// A connection, and what limited it where that was found out.
struct ConditionSubject {
  const Connection& connection;
  std::size_t index = 0;
  const LimitShares* limits_a = nullptr;
  const LimitShares* limits_b = nullptr;
  std::string_view name = {};  // of the host, as the client said it
};

struct ConditionNode;

class Condition {
 public:
  static constexpr std::size_t kMostCharacters = 4096;

  // Usage errors say where the text is wrong, and what was perhaps meant.
  [[nodiscard]] static Result<Condition> parse(std::string_view text);

  Condition(Condition&&) noexcept;
  Condition& operator=(Condition&&) noexcept;
  ~Condition();

  [[nodiscard]] bool holds(const ConditionSubject& subject) const;
  // Whether it asks for what limited the connection.
  [[nodiscard]] bool needs_limits() const { return needs_limits_; }

 private:
  Condition();
  std::vector<ConditionNode> nodes_;
  bool needs_limits_ = false;
};

struct ConditionName {
  std::string name;
  std::string unit;
  std::string label;
};
// All names that an expression may use.
[[nodiscard]] const std::vector<ConditionName>& condition_names();

}  // namespace isotach::network
