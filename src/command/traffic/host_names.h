// Names of addresses by reverse DNS, without ever waiting for one: a question is put to threads that ask the
// system's resolver, and the answer is there when it has come. Until then, and where there is none, the
// address stands for itself.
//
// Bounded: so many answers are kept, so many questions wait; what does not fit is asked again later. A
// resolver that hangs holds its thread and no more: the destructor does not wait for it.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace isotach::command {

class HostNames {
 public:
  // Takes time; called by threads of ours. Nothing where there is no name.
  using Ask = std::function<std::optional<std::string>(const std::string& address)>;

  static constexpr std::size_t kThreads = 4;
  static constexpr std::size_t kMostAnswers = 16384;
  static constexpr std::size_t kMostWaiting = 256;

  explicit HostNames(Ask ask = ask_resolver);
  ~HostNames();
  HostNames(const HostNames&) = delete;
  HostNames& operator=(const HostNames&) = delete;

  // The name of "192.0.2.1" or "2001:db8::1", when it is known already.
  [[nodiscard]] std::optional<std::string> name_of(const std::string& address);
  // Waits until everything that was asked is answered, but no longer than this; for what is printed once.
  void wait(std::int64_t limit_ns);
  // Questions that found no place in the queue, of those that are not answered yet.
  [[nodiscard]] std::uint64_t postponed() const;

  // getnameinfo(3). What comes back is a host name by its characters, or nothing.
  [[nodiscard]] static std::optional<std::string> ask_resolver(const std::string& address);

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with threads that may outlive this
};

}  // namespace isotach::command
