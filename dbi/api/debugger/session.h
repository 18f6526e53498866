// What is said with one debugger that is connected: gdb's remote protocol over the threads of the program.
#pragma once

#include <string>
#include <string_view>

#include "api/debugger/packets.h"

namespace isotach::dbi {
struct ThreadContext;
}

namespace isotach::dbi::api {

class Session {
 public:
  explicit Session(int connection) : connection_(connection) {}

  void run(int wake);

 private:
  using Kind = PacketReader::Kind;

  void send(std::string_view payload);
  void send_raw(std::string_view bytes);
  void handle(const std::string& payload);
  void query(std::string_view text);
  void set(std::string_view text);
  void transfer(std::string_view text);
  void resume(std::string_view actions);
  void resume_all();
  void go(ThreadContext* only, bool steps, int signal);
  void interrupt();
  bool wait_for_stop(int wake);
  bool wait_for_bytes(int wake);
  void tell_stop();
  std::string read_memory(std::string_view text);
  std::string write_memory(std::string_view text);
  std::string change_breakpoint(std::string_view text, bool insert);
  std::string change_registers(std::string_view text, bool all);
  std::string interpret(std::string_view hex);
  void leave();

  int connection_;
  PacketReader reader_;
  std::string last_;
  ThreadContext* selected_ = nullptr;  // that registers and memory are asked of
  bool acknowledges_ = true;
  bool is_stopped_ = false;
  bool wants_stop_ = false;  // has not been able to stop the threads yet
  bool is_over_ = false;
};

}  // namespace isotach::dbi::api
