// Pieces of memory of one size, many of which come and go while a capture is read: to take one or to give it
// back is a few instructions. Each thread keeps what it gave back, and leaves it to the others when it ends;
// the memory stays as much as there was at a time.
#pragma once

#include <cstddef>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace isotach::network {

template <std::size_t kBytes>
class PieceStore {
 public:
  [[nodiscard]] static void* take() {
    if (free_ == nullptr) [[unlikely]]
      refill();
    return std::exchange(free_, free_->next);
  }
  // One that take() has given, to this thread or another.
  static void give(void* memory) { free_ = new (memory) Piece{free_}; }

 private:
  static constexpr std::size_t kChunk = 64;  // pieces

  struct Piece {
    Piece* next;
  };
  static_assert(kBytes >= sizeof(Piece) && kBytes % alignof(std::max_align_t) == 0);

  struct Shared {
    std::mutex mutex;
    std::vector<std::byte*> chunks;
    std::vector<Piece*> left;  // lists of threads that have ended
  };
  // Never taken down: others may give pieces back when the program ends.
  [[nodiscard]] static Shared& shared() {
    static auto* const kShared = new Shared;
    return *kShared;
  }
  struct Leaver {
    ~Leaver() {
      if (free_ == nullptr) return;
      const std::scoped_lock lock(shared().mutex);
      shared().left.push_back(std::exchange(free_, nullptr));
    }
  };

  [[gnu::noinline]] static void refill() {
    static thread_local const Leaver kLeaver;
    static_cast<void>(kLeaver);
    Shared& all = shared();
    const std::scoped_lock lock(all.mutex);
    if (!all.left.empty()) {
      free_ = all.left.back();
      all.left.pop_back();
      return;
    }
    auto* const chunk = static_cast<std::byte*>(::operator new(kBytes* kChunk));
    all.chunks.push_back(chunk);
    for (std::size_t i = kChunk; i > 0; --i) give(chunk + (i - 1) * kBytes);
  }

  static inline constinit thread_local Piece* free_ = nullptr;
};

}  // namespace isotach::network
