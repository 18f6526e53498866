#include "output.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace inspect {
namespace {

constexpr char kFrameMagic[] = {'F', 'I'};

int64_t clock_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<int64_t>(time.tv_sec) * 1000000000 + time.tv_nsec;
}

int64_t start_ns = 0;

void put_frame_head(char* at, FrameKind kind, uint32_t size, uint32_t thread, uint32_t count, int64_t from_ns,
                    int64_t to_ns) {
  std::memcpy(at, kFrameMagic, 2);
  std::memcpy(at + 2, &kind, 2);
  std::memcpy(at + 4, &size, 4);
  std::memcpy(at + 8, &thread, 4);
  std::memcpy(at + 12, &count, 4);
  std::memcpy(at + 16, &from_ns, 8);
  std::memcpy(at + 24, &to_ns, 8);
}

}  // namespace

int64_t now_ns() {
  return clock_ns(CLOCK_MONOTONIC) - start_ns;
}

void put_text(std::string& bytes, const std::string& text) {
  const size_t size = text.size() < 65535 ? text.size() : 65535;
  put(bytes, static_cast<uint16_t>(size));
  bytes.append(text, 0, size);
}

bool Output::open(const std::string& path) {
  fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  start_ns = clock_ns(CLOCK_MONOTONIC);
  return fd_ >= 0;
}

void Output::head(uint32_t kinds, uint32_t sample_period, const std::vector<std::string>& command) {
  std::string words;
  for (const std::string& word : command) words += word + '\0';
  std::string bytes = "isoinsp\n";
  put<uint32_t>(bytes, 1);
  put<uint32_t>(bytes, static_cast<uint32_t>(getpid()));
  put(bytes, kinds);
  put(bytes, sample_period);
  put(bytes, clock_ns(CLOCK_REALTIME));
  put(bytes, static_cast<uint32_t>(words.size()));
  bytes += words;
  write(bytes.data(), bytes.size());
}

// The program did not open this pipe: when its reader has gone, that must not be the program's SIGPIPE.
void Output::write(const char* bytes, size_t size) {
  sigset_t pipe_signal, before, pending;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  while (size > 0 && fd_ >= 0) {
    const ssize_t written = ::write(fd_, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      fd_ = -1;
      break;
    }
    bytes += written;
    size -= static_cast<size_t>(written);
  }
  if (fd_ < 0 && sigismember(&pending, SIGPIPE) == 0) {
    const timespec at_once{};
    while (sigtimedwait(&pipe_signal, nullptr, &at_once) < 0 && errno == EINTR) {
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

std::string Output::framed(FrameKind kind, uint32_t thread, uint32_t count, const std::string& payload) {
  char head[32];
  const int64_t time = now_ns();
  put_frame_head(head, kind, static_cast<uint32_t>(payload.size()), thread, count, time, time);
  return std::string(head, sizeof head) + payload;
}

void Output::describe(FrameKind kind, const std::string& record) {
  PIN_GetLock(&lock_, 1);
  descriptions_ += framed(kind, 0, 1, record);
  PIN_ReleaseLock(&lock_);
}

void Output::write_descriptions() {
  if (descriptions_.empty()) return;
  write(descriptions_.data(), descriptions_.size());
  descriptions_.clear();
}

void Output::frame(FrameKind kind, uint32_t thread, uint32_t count, const std::string& payload) {
  PIN_GetLock(&lock_, 1);
  write_descriptions();
  const std::string bytes = framed(kind, thread, count, payload);
  write(bytes.data(), bytes.size());
  PIN_ReleaseLock(&lock_);
}

void Output::events(const char* bytes, size_t size) {
  PIN_GetLock(&lock_, 1);
  write_descriptions();
  write(bytes, size);
  PIN_ReleaseLock(&lock_);
}

void ThreadStream::begin() {
  frame_ = used_;
  count_ = 0;
  const int64_t from_ns = now_ns();
  put_frame_head(buffer_.data() + frame_, kEvents, 0, thread_, 0, from_ns, from_ns);
  used_ += kFrameHead;
}

void ThreadStream::end() {
  char* const head = buffer_.data() + frame_;
  int64_t from_ns = 0;
  std::memcpy(&from_ns, head + 16, sizeof from_ns);
  put_frame_head(head, kEvents, static_cast<uint32_t>(used_ - frame_ - kFrameHead), thread_, count_, from_ns,
                 now_ns());
  frame_ = kNone;
}

void ThreadStream::flush() {
  if (frame_ != kNone) end();
  if (used_ > 0) output_.events(buffer_.data(), used_);
  used_ = 0;
}

}  // namespace inspect
