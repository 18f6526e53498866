// Memory that a thread receives into: pages that are there once something was received into them.
#pragma once

#include <sys/mman.h>

#include <cstddef>

namespace isotach::nettest {

class ReceiveMemory {
 public:
  // That of the calling thread, for all its streams: at least `bytes` of it. Nothing, with errno, where there
  // is none. What stands in it may be gone with the next call.
  [[nodiscard]] static char* of_thread(std::size_t bytes) {
    static thread_local ReceiveMemory memory;
    return memory.of(bytes);
  }

 private:
  ReceiveMemory() = default;
  ~ReceiveMemory() {
    if (bytes_ > 0) ::munmap(memory_, bytes_);
  }
  ReceiveMemory(const ReceiveMemory&) = delete;
  ReceiveMemory& operator=(const ReceiveMemory&) = delete;

  char* of(std::size_t bytes) {
    if (bytes <= bytes_) return memory_;
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    if (bytes_ > 0) ::munmap(memory_, bytes_);
    memory_ = static_cast<char*>(memory);
    bytes_ = bytes;
    return memory_;
  }

  char* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace isotach::nettest
