// The network namespaces of an emulated path: one for each host, with an interface eth0, and one for the
// emulator. They have no names in /run/netns: they live as long as this object, or a process in them, so that
// nothing is left when the process that holds it is killed. Needs root. One thread at a time, which visits
// the namespaces.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "kernel/stamp_program.h"
#include "network/emulator/path.h"
#include "network/emulator/port.h"

namespace isotach::emulator {

struct TestbedOptions {
  bool exact_stamps = false;  // receive stamps (SO_TIMESTAMPNS) tell emulated time
  std::string congestion;     // the congestion control of the hosts; empty: the machine's
  int mtu_bytes = 1500;       // of the hosts
  bool with_taps = false;     // the hosts' interfaces keep what ethtool sets
  std::string capture;        // a folder for HOST.pcap, what each host sends and gets; empty: none
};

class Testbed {
 public:
  [[nodiscard]] static Result<Testbed> make(const std::vector<Host>& hosts, const TestbedOptions& options);

  // Descriptors of the hosts' namespaces, in their order.
  [[nodiscard]] const std::vector<Fd>& name_spaces() const { return hosts_; }
  // Once.
  [[nodiscard]] Result<std::vector<Port>> open_ports();

 private:
  Testbed() = default;
  [[nodiscard]] Result<void> add(const Host& host, std::size_t index);
  [[nodiscard]] Result<void> hold_tap(std::size_t index);
  [[nodiscard]] Result<void> wire(const Host& host, std::size_t index);
  [[nodiscard]] Port::Options port_options(std::size_t index) const;
  [[nodiscard]] Result<void> set_up_host(const Host& host, std::size_t index);

  TestbedOptions options_;
  std::vector<Host> described_;
  Fd emulator_;
  std::vector<Fd> hosts_;
  std::vector<Fd> taps_;
  std::unique_ptr<kernel::StampProgram> stamps_;
};

}  // namespace isotach::emulator
