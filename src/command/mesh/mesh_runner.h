// One host of a mesh: serves tests, gives its lease, and begins its own tests when its turn has come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "command/context.h"
#include "command/mesh/mesh_result.h"
#include "kernel/child.h"
#include "kernel/socket.h"
#include "network/mesh/lease.h"
#include "network/mesh/mesh_file.h"
#include "network/mesh/schedule.h"

namespace isotach::command {

// The file, with what the line before could not know: which of its hosts this machine is.
struct MeshMember {
  mesh::MeshFile file;
  std::size_t self = 0;  // of file.hosts
};

// Reads `path`. `name` is the host that this machine is; without it, the one whose address is ours.
[[nodiscard]] Result<MeshMember> read_mesh(const std::string& path, const std::optional<std::string>& name);

class MeshRunner {
 public:
  using Observer = std::function<void(const MeshOutcome&)>;

  // Resolves all hosts, listens and starts the server of the tests. Of the main thread: programs are started
  // and waited for. `context` must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<MeshRunner>> start(Context& context, MeshMember member,
                                                                 Observer observer);
  // Until we are interrupted, or for so many cycles of the file. An error: the server of the tests cannot
  // run.
  [[nodiscard]] Result<void> run(std::optional<std::uint64_t> cycles);

 private:
  MeshRunner(Context& context, MeshMember member, std::vector<kernel::SocketAddress> addresses,
             std::unique_ptr<mesh::LeaseKeeper> keeper, Observer observer);
  [[nodiscard]] const mesh::Host& self() const { return member_.file.hosts[member_.self]; }
  [[nodiscard]] Result<void> keep_serving();
  [[nodiscard]] Result<void> start_server();
  [[nodiscard]] std::string server_talk() const;
  [[nodiscard]] Error server_error() const;
  void take_turn(const mesh::Turn& turn);
  [[nodiscard]] std::optional<MeshOutcome> lease_both(std::size_t to, std::int64_t limit_ns,
                                                      std::optional<mesh::Lease>& lease);
  [[nodiscard]] MeshOutcome test(const mesh::Test& test, std::size_t to, std::int64_t limit_ns);
  [[nodiscard]] Result<MeshFigures> run_program(const std::vector<std::string>& words, mesh::TestKind kind,
                                                std::int64_t limit_ns);
  [[nodiscard]] bool idle_until(std::int64_t monotonic_ns);

  Context& context_;
  MeshMember member_;
  std::vector<kernel::SocketAddress> addresses_;  // of file.hosts, with the lease port
  std::unique_ptr<mesh::LeaseKeeper> keeper_;
  Observer observer_;
  std::optional<kernel::ChildProcess> server_;
  Fd server_talk_;  // what it says on its error
};

}  // namespace isotach::command
