// The file of a mesh: which hosts test each other, how, and when. Every host has the same file.
//
//     # comments and empty lines are left out
//     host berlin 192.0.2.1           # name, address or name that resolves
//     host paris 2001:db8::7
//     test nettest -t 5               # what each pair does, in this order
//     test path --no-transfer
//     slot 45s                        # the longest time that a pair's tests take
//     every 1h                        # each pair is tested once in that time, in each direction
//     port 5201                       # of the test servers
//     lease-port 5202                 # where a host is asked whether it is free
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isotach::mesh {

struct Host {
  std::string name;     // letters, digits, '.', '-', '_': it becomes a label of metrics
  std::string address;  // as it stands in the file
};

enum class TestKind : std::uint8_t { nettest, path };
[[nodiscard]] std::string_view test_name(TestKind kind);  // "nettest", "path": the command

struct Test {
  TestKind kind = TestKind::nettest;
  std::vector<std::string> options;  // of the command, only those that change how is measured
};

struct MeshFile {
  static constexpr std::size_t kMostHosts = 256;
  static constexpr std::size_t kMostTests = 8;

  std::vector<Host> hosts;  // at least two
  std::vector<Test> tests;  // at least one
  std::int64_t slot_ns = 0;
  std::int64_t every_ns = 0;  // at least rounds() slots
  std::uint16_t port = 5201;
  std::uint16_t lease_port = 5202;

  // How many slots it takes until each pair has had its turn in both directions.
  [[nodiscard]] std::size_t rounds() const;
};

// The error names the line.
[[nodiscard]] Result<MeshFile> parse_mesh_file(std::string_view text);

}  // namespace isotach::mesh
