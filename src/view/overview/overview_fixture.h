// Overviews for tests: a machine with everything, one with nothing, one that is huge and hostile.
#pragma once

#include <cmath>
#include <string>

#include "view/overview/model.h"

namespace isotach::view {

inline constexpr double kMiB = 1048576;
inline constexpr double kGiB = 1024 * kMiB;

inline Past wave(std::size_t count, double low, double high) {
  Past past;
  for (std::size_t i = 0; i < count; ++i)
    past.push_back(low + (high - low) * (0.5 + 0.5 * std::sin(static_cast<double>(i) / 9)));
  return past;
}

inline void add_interface(OverviewModel& model, const std::string& name, double receive, double transmit) {
  InterfaceArea one;
  one.name = name;
  one.receive_bits_per_second = receive;
  one.transmit_bits_per_second = transmit;
  one.receive_packets_per_second = receive / 8000;
  one.transmit_packets_per_second = transmit / 8000;
  one.errors_per_second = one.drops_per_second = one.errors = one.drops = 0;
  one.receive_past = wave(100, 0, receive);
  one.transmit_past = wave(100, 0, transmit);
  model.interfaces.push_back(std::move(one));
}

inline OverviewModel sample_model() {
  OverviewModel model;
  model.host = "db1";
  model.kernel_release = "6.1.0-18-amd64";
  model.time = {5'000'000'000, 1'795'000'000'000'000'000};
  model.uptime_s = 3 * 3600 + 130;
  model.interval_s = 1;
  model.samples = 42;
  model.own_cpu_share = 0.003;

  model.limits = {4 * kGiB, 1.5};
  model.cpu.all = {0, 0.34, 0.22, 0.12, 0.02, 0};
  for (unsigned i = 0; i < 4; ++i) {
    const double busy = 0.1 + 0.2 * i;
    model.cpu.each.push_back({i, busy, busy * 0.7, busy * 0.3, 0.0, 0.0});
  }
  model.cpu.load_1_minute = 0.42;
  model.cpu.load_5_minutes = 0.3;
  model.cpu.load_15_minutes = 0.22;
  model.cpu.running = 2;
  model.cpu.blocked = 0;
  model.cpu.context_switches_per_second = 1234;
  model.cpu.interrupts_per_second = 567;
  model.cpu.busy_past = wave(300, 0.1, 0.95);

  model.memory = {16 * kGiB,  6.2 * kGiB, 9.8 * kGiB, 3.1 * kGiB, 200 * kMiB,
                  6.5 * kGiB, 120 * kMiB, 12 * kMiB,  0.0,        wave(300, 0.3, 0.4),
                  5.1 * kGiB, 310 * kMiB, 42 * kMiB,  9.3 * kGiB, 10.0 * kGiB};
  model.swap = {2 * kGiB, 512 * kMiB, 0.0, 1.5 * kMiB, {{"/dev/sda2", 2 * kGiB, 512 * kMiB, -2}}, {}, {}};
  model.swap.in_past = wave(100, 0, 2 * kMiB);
  model.swap.out_past = wave(100, 0, 8 * kMiB);
  model.paging = {12.3e3, 4.0, 1500.0, 0.0, 3.1 * kMiB, 900 * 1024.0, 0.0, wave(200, 100, 20e3)};
  model.protocols = {8.2e3, 3.0, 0.0, 1.0, 0.0, 0.0, 210.0, 0.0, 0.0, wave(200, 0, 9e3)};
  model.ksm = {1, 3 * kMiB, 12 * kMiB, 40 * kMiB, 11.5 * kMiB, 100, 0.02, 5000, 17};
  model.cpu_pressure.some = {0.032, 0.011};
  model.memory_pressure.some = {0.0, 0.004};
  model.memory_pressure.full = {0.0, 0.0};
  model.io_pressure.some = {0.12, 0.08};
  model.io_pressure.full = {0.04, 0.03};

  add_interface(model, "eth0", 94.1e6, 1.2e6);
  model.interfaces[0].up = true;
  model.interfaces[0].full_duplex = true;
  model.interfaces[0].speed_bits_per_second = 1e9;
  model.interfaces[0].link_share = 0.0941;
  add_interface(model, "lo", 12e3, 12e3);
  add_interface(model, "eth1", 0, 0);
  model.interfaces[2].up = false;
  model.disks.push_back({"nvme0n1", 12.3 * kMiB, 4.5 * kMiB, 340.0, 0.21, 0.00042, wave(100, 0, 20 * kMiB)});

  model.connection_count = 212;
  model.connections = {
      {"10.0.0.1:22", "10.0.0.7:51234", "sshd/812", true, 84.1e6, 0.0012, 0.0, "path", "the network", true,
       0.91, "the path was full 91 % of the time", "", FindingSeverity::info},
      {"10.0.0.1:51000", "[2001:db8:85a3::8a2e:370:7334]:443", "curl/1234", false, 9.4e6, 0.081, 31.0,
       "receive_window", "the receiver's buffer", false, 0.83,
       "its window of 64 KiB was full 83 % of the time", "transfer-receive-window", FindingSeverity::warning},
      {"10.0.0.1:443", "10.0.0.9:40000", "", true, 12e3, std::nullopt, std::nullopt, "", "", false,
       std::nullopt, "", "", FindingSeverity::info}};

  model.findings = {{FindingSeverity::warning, "slow-link", "eth1", "eth1: the link runs at only 100 Mbit/s",
                     "speed 100 Mbit/s", "replace the cable"},
                    {FindingSeverity::info, "oom-kills-since-boot", "",
                     "processes were killed since boot because memory ran out",
                     "2 killed since boot, none now", "see which: dmesg"}};
  return model;
}

// A machine that tells nothing at all.
inline OverviewModel bare_model() {
  return {};
}

inline OverviewModel hostile_model() {
  OverviewModel model = sample_model();
  const std::string hostile =
      "\x1b[31m\x1b]0;owned\x07\xff\xfe\r\n\tname-漢字-with-éverything-and-no-end-in-sight";
  model.host = hostile;
  model.kernel_release = hostile;
  model.source = hostile;
  model.swap.devices[0].name = hostile;
  model.disks[0].name = hostile;
  model.findings[0].title = model.findings[0].evidence = model.findings[0].remedy = hostile;
  model.not_checked = {hostile};
  for (int i = 0; i < 90; ++i)
    model.connections.push_back({hostile, hostile, hostile, true, 1e300, 1e300, -1e300, hostile, hostile,
                                 true, 7.0, hostile, hostile, FindingSeverity::critical});
  model.cpu.each.clear();
  for (unsigned i = 0; i < 1024; ++i) model.cpu.each.push_back({i, (i % 11) / 10.0, 0.0, 0.0, 0.0, 0.0});
  model.interfaces.clear();
  for (int i = 0; i < 200; ++i) add_interface(model, hostile + std::to_string(i), 1e18, 1e18);
  model.cpu.load_1_minute = 1e300;
  model.memory.used_bytes = -1.0;
  model.memory.cache_bytes = 1e300;
  model.cpu.busy_past.assign(10, std::nan(""));
  model.interfaces[0].receive_past.assign(10, 1e308);
  model.uptime_s = 1e12;
  model.swap.used_bytes = 1e30;
  return model;
}

}  // namespace isotach::view
