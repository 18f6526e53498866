// Takes the bytes of a control connection apart as they come: cookie, states, JSON texts. Pure.
//
// The owner says what it expects; the reader never holds more than that, whatever length the peer announces.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace isotach::nettest {

class FrameReader {
 public:
  // Bytes that may be read from the connection before next() must be asked again. 0: the frame is complete,
  // or broken.
  [[nodiscard]] std::size_t wanted() const;
  // At most wanted() bytes.
  void add(std::string_view bytes);

  // What the next frame is; asked for when the one before has been taken.
  void expect_bytes(std::size_t count);       // a cookie, a state, the two numbers of an error
  void expect_json(std::size_t limit_bytes);  // length and text
  // The frame without its length, once it is complete.
  [[nodiscard]] std::optional<std::string> take();
  // The announced length is 0 or above the limit.
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  enum class Stage { idle, bytes, length, text };
  Stage stage_ = Stage::idle;
  std::size_t needed_ = 0;
  std::size_t limit_bytes_ = 0;
  bool broken_ = false;
  std::string gathered_;
};

}  // namespace isotach::nettest
