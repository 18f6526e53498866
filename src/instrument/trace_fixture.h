// Writes recordings for tests, as docs/formats/inspect.md says: apart from the parser, so that one checks
// the other.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace isotach::instrument {

class TraceFixture {
 public:
  TraceFixture() {
    bytes_ = "isoinsp\n";
    const std::string command = std::string("ls") + '\0' + "-l" + '\0';
    put<std::uint32_t>(1);                         // version
    put<std::uint32_t>(4711);                      // pid
    put<std::uint32_t>(7);                         // kinds
    put<std::uint32_t>(1);                         // sample period
    put<std::int64_t>(1'700'000'000'000'000'000);  // start
    put<std::uint32_t>(static_cast<std::uint32_t>(command.size()));
    bytes_ += command;
  }

  void image(std::uint32_t number, std::uint64_t low, std::uint64_t high, std::string_view name) {
    open_frame(1);
    put(number);
    put(low);
    put(high);
    put(low);
    text(name);
    close_frame(1);
  }
  void routine(std::uint32_t number, std::uint32_t image, std::uint64_t address, std::string_view name) {
    open_frame(3);
    put(number);
    put(image);
    put(address);
    put<std::uint64_t>(64);
    text(".text");
    text(name);
    close_frame(1);
  }
  // One operand of `size` bytes that is read and written.
  void instruction(std::uint32_t number, std::uint32_t image, std::uint32_t routine, std::uint64_t address,
                   std::string_view disassembly, std::uint16_t size = 8) {
    open_frame(4);
    put(number);
    put(image);
    put(routine);
    put(address);
    put<std::uint8_t>(4);
    put<std::uint8_t>(1);
    put<std::uint8_t>(3);
    put(size);
    text(".text");
    text(disassembly);
    close_frame(1);
  }
  void region(std::uint64_t low, std::uint64_t high, std::string_view name) {
    open_frame(9);
    put(low);
    put(high);
    text(name);
    close_frame(1);
  }
  void thread_start(std::uint32_t thread, std::uint32_t os_id) {
    open_frame(6, thread, 5, 5);
    put(os_id);
    close_frame(1);
  }
  void end(std::int32_t exit_code, std::uint64_t instructions) {
    open_frame(8);
    put(exit_code);
    put(instructions);
    put<std::uint64_t>(3);
    put<std::uint64_t>(0);
    close_frame(1);
  }

  void begin_events(std::uint32_t thread, std::int64_t from_ns, std::int64_t to_ns) {
    open_frame(5, thread, from_ns, to_ns);
    events_ = 0;
  }
  void executed(std::uint32_t instruction) { event(1, 0, 0, instruction); }
  void run(std::uint32_t first, std::uint16_t count) { event(4, 0, count, first); }
  void read(std::uint32_t instruction, std::uint64_t address, std::string_view value) {
    event(2, 0, static_cast<std::uint16_t>(value.size()), instruction);
    put(address);
    bytes_ += value;
  }
  void unreadable(std::uint32_t instruction, std::uint64_t address, std::uint16_t size) {
    event(2, 1, size, instruction);
    put(address);
  }
  void write(std::uint32_t instruction, std::uint64_t address, std::string_view before,
             std::string_view after) {
    event(3, 0, static_cast<std::uint16_t>(after.size()), instruction);
    put(address);
    bytes_ += before;
    bytes_ += after;
  }
  void end_events() { close_frame(events_); }

  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] std::string& bytes() { return bytes_; }

  template <class T>
  void put(T value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes_.append(raw, sizeof value);
  }
  void open_frame(std::uint16_t kind, std::uint32_t thread = 0, std::int64_t from_ns = 0,
                  std::int64_t to_ns = 0) {
    bytes_ += "FI";
    put(kind);
    start_ = bytes_.size();
    put<std::uint32_t>(0);
    put(thread);
    put<std::uint32_t>(0);
    put(from_ns);
    put(to_ns);
  }
  void close_frame(std::uint32_t count) {
    const auto size = static_cast<std::uint32_t>(bytes_.size() - start_ - 28);
    std::memcpy(bytes_.data() + start_, &size, sizeof size);
    std::memcpy(bytes_.data() + start_ + 8, &count, sizeof count);
  }

 private:
  void text(std::string_view value) {
    put(static_cast<std::uint16_t>(value.size()));
    bytes_ += value;
  }
  void event(std::uint8_t kind, std::uint8_t flags, std::uint16_t size, std::uint32_t instruction) {
    put(kind);
    put(flags);
    put(size);
    put(instruction);
    ++events_;
  }

  std::string bytes_;
  std::size_t start_ = 0;
  std::uint32_t events_ = 0;
};

// A little program: two images, two routines, a stack; 4 ms.
inline TraceFixture little_trace() {
  TraceFixture trace;
  trace.image(1, 0x400000, 0x410000, "/bin/ls");
  trace.image(2, 0x7f0000000000, 0x7f0000100000, "/lib/libc.so.6");
  trace.routine(1, 1, 0x401000, "main");
  trace.routine(2, 2, 0x7f0000001000, "memcpy");
  trace.instruction(1, 1, 1, 0x401000, "mov rax, qword ptr [rsp]");
  trace.instruction(2, 2, 2, 0x7f0000001000, "mov qword ptr [rdi], rax");
  trace.instruction(3, 2, 0, 0x7f0000002000, "add qword ptr [rdi], 1");
  trace.region(0x7ffc00000000, 0x7ffc00010000, "[stack]");
  trace.thread_start(0, 4711);
  trace.begin_events(0, 0, 1'000'000);
  trace.executed(1);
  trace.read(1, 0x7ffc00000ff8, "abcdefgh");
  trace.run(2, 2);
  trace.write(2, 0x600000, std::string(8, '\0'), "abcdefgh");
  trace.end_events();
  trace.begin_events(0, 3'000'000, 4'000'000);
  trace.read(3, 0x600ffc, "12345678");  // over the end of a page
  trace.unreadable(3, 0x10, 8);
  trace.end_events();
  trace.end(0, 3);
  return trace;
}

}  // namespace isotach::instrument
