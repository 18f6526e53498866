// Reads the values of nettest's options into numbers; the first that is none is kept as the problem.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "command/spec.h"

namespace isotach::command {

// Sizes as iperf3 and netperf take them: K, M, G, T are powers of 1024. A whole suffix is taken at its word:
// KiB is 1024 bytes and kB 1000.
[[nodiscard]] Result<std::uint64_t> parse_buffer_size(const std::string& text);

// A whole number, decimal or as 0x10.
[[nodiscard]] std::optional<std::uint64_t> whole_number(const std::string& text);

[[nodiscard]] Failure bad_value(const std::string& option, const std::string& text,
                                const std::string& remedy);

class Reading {
 public:
  explicit Reading(const Arguments& arguments) : arguments_(arguments) {}

  template <class T>
  void number(const char* option, std::uint64_t least, std::uint64_t most, T& target) {
    if (const auto value = number_of(option, least, most)) target = static_cast<T>(*value);
  }
  template <class T>
  void size(const char* option, std::uint64_t most, T& target) {
    if (const auto value = size_of(option, most)) target = static_cast<T>(*value);
  }
  void time(const char* option, bool zero, std::int64_t most_ns, std::int64_t& target_ns);
  void text(const char* option, std::string& target) const {
    if (const auto value = arguments_.value(option)) target = *value;
  }

  void fail(const char* text, const char* remedy = "") {
    if (!problem_) problem_ = Error{ErrorKind::usage, 0, text, remedy};
  }
  void fail(Error error) {
    if (!problem_) problem_ = std::move(error);
  }

  [[nodiscard]] bool has(const char* option) const { return arguments_.has(option); }
  [[nodiscard]] std::optional<std::string> value(const char* option) const {
    return arguments_.value(option);
  }
  [[nodiscard]] const std::optional<Error>& problem() const { return problem_; }

 private:
  [[nodiscard]] std::optional<std::uint64_t> number_of(const char* option, std::uint64_t least,
                                                       std::uint64_t most);
  [[nodiscard]] std::optional<std::uint64_t> size_of(const char* option, std::uint64_t most);

  const Arguments& arguments_;
  std::optional<Error> problem_;
};

}  // namespace isotach::command
