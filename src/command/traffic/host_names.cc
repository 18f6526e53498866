#include "command/traffic/host_names.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

namespace isotach::command {

struct HostNames::State {
  explicit State(Ask function) : ask(std::move(function)) {}

  const Ask ask;
  std::mutex mutex;
  std::condition_variable work;
  bool ended = false;
  std::size_t threads = 0;
  std::size_t idle = 0;
  std::size_t asking = 0;
  std::condition_variable answered;
  std::deque<std::string> waiting;
  // An address that is being asked for has an entry without a name.
  std::unordered_map<std::string, std::optional<std::string>> answers;
  std::uint64_t postponed = 0;
};

namespace {

// Letters, digits, '-', '.' and '_': anything else in an answer is an attack or an error.
bool is_host_name(const std::string& name) {
  if (name.empty() || name.size() > 253) return false;
  for (const char c : name) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '.' || c == '_';
    if (!fine) return false;
  }
  return true;
}

}  // namespace

HostNames::HostNames(Ask ask) : state_(std::make_shared<State>(std::move(ask))) {}

HostNames::~HostNames() {
  const std::lock_guard lock(state_->mutex);
  state_->ended = true;
  state_->waiting.clear();
  state_->work.notify_all();
}

std::optional<std::string> HostNames::name_of(const std::string& address) {
  const std::lock_guard lock(state_->mutex);
  if (const auto known = state_->answers.find(address); known != state_->answers.end()) return known->second;
  if (state_->waiting.size() >= kMostWaiting) {
    ++state_->postponed;
    return std::nullopt;
  }
  // Whoever sees so many hosts sees the present ones again soon.
  if (state_->answers.size() >= kMostAnswers) state_->answers.clear();
  state_->answers.emplace(address, std::nullopt);
  state_->waiting.push_back(address);
  if (state_->idle == 0 && state_->threads < kThreads) {
    ++state_->threads;
    std::thread([state = state_] {
      std::unique_lock guard(state->mutex);
      for (;;) {
        ++state->idle;
        state->work.wait(guard, [&] { return state->ended || !state->waiting.empty(); });
        --state->idle;
        if (state->ended) return;
        const std::string asked = std::move(state->waiting.front());
        state->waiting.pop_front();
        ++state->asking;
        guard.unlock();
        auto name = state->ask(asked);
        guard.lock();
        --state->asking;
        if (name) state->answers[asked] = std::move(name);
        if (state->asking == 0 && state->waiting.empty()) state->answered.notify_all();
      }
    }).detach();
  }
  state_->work.notify_one();
  return std::nullopt;
}

void HostNames::wait(std::int64_t limit_ns) {
  std::unique_lock lock(state_->mutex);
  state_->answered.wait_for(lock, std::chrono::nanoseconds(limit_ns),
                            [&] { return state_->asking == 0 && state_->waiting.empty(); });
}

std::uint64_t HostNames::postponed() const {
  const std::lock_guard lock(state_->mutex);
  return state_->postponed;
}

std::optional<std::string> HostNames::ask_resolver(const std::string& address) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  v4.sin_family = AF_INET;
  v6.sin6_family = AF_INET6;
  const sockaddr* socket_address = nullptr;
  socklen_t length = 0;
  if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    socket_address = reinterpret_cast<const sockaddr*>(&v4);
    length = sizeof v4;
  } else if (::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
    socket_address = reinterpret_cast<const sockaddr*>(&v6);
    length = sizeof v6;
  } else {
    return std::nullopt;
  }
  std::array<char, NI_MAXHOST> name{};
  if (::getnameinfo(socket_address, length, name.data(), name.size(), nullptr, 0, NI_NAMEREQD) != 0)
    return std::nullopt;
  std::string text(name.data());
  return is_host_name(text) ? std::optional(std::move(text)) : std::nullopt;
}

}  // namespace isotach::command
