// A machine's traffic for tests.
#pragma once

#include <cmath>
#include <string>
#include <utility>

#include "view/traffic/traffic.h"

namespace isotach::view {

inline TrafficAmounts amounts(double in_bits_s, double out_bits_s) {
  TrafficAmounts all;
  all.in_bytes = static_cast<std::uint64_t>(in_bits_s);
  all.out_bytes = static_cast<std::uint64_t>(out_bits_s);
  all.in_packets = all.in_bytes / 1500;
  all.out_packets = all.out_bytes / 1500;
  all.in_bits_s = in_bits_s;
  all.out_bits_s = out_bits_s;
  all.in_packets_s = in_bits_s / 12000;
  all.out_packets_s = out_bits_s / 12000;
  all.peak_bits_s = 1.5 * (in_bits_s + out_bits_s);
  all.mean_bits_s = 0.7 * (in_bits_s + out_bits_s);
  return all;
}

inline TrafficList flow_list() {
  TrafficList list;
  list.title = "flows";
  list.columns = {{"protocol", Align::left, 8},
                  {"local", Align::left, 1, 15},
                  {"remote", Align::left, 0, 21},
                  {"state", Align::left, 7},
                  {"process", Align::left, 6, 8}};
  const auto add = [&](const std::string& local, const std::string& remote, const std::string& process,
                       double in, double out) {
    list.rows.push_back(
        {local + remote, {"tcp", local, remote, "established", process}, amounts(in, out), false});
  };
  add("10.0.0.5:443", "192.0.2.17:50312", "nginx", 3.1e6, 412e6);
  add("10.0.0.5:22", "198.51.100.4:61021", "sshd", 12e3, 96e3);
  add("[2001:db8::5]:443", "[2001:db8:1:2:3:4:5:6]:40000", "nginx", 88e3, 1.2e6);
  add("10.0.0.5:51990", "203.0.113.80:5432", "postgres: walreceiver", 940e6, 8e6);
  list.rows[1].warns = true;
  list.matching = list.known = 4;
  list.none = "no packet was seen";
  return list;
}

inline TrafficModel traffic_model() {
  TrafficModel model;
  model.time = {5'000'000'000, 1'795'000'000'000'000'000};
  model.running_s = 42;
  model.interval_s = 1;
  model.scope = "all interfaces";
  model.source = "eBPF";
  model.total = amounts(943.2e6, 421.3e6);
  for (int i = 0; i < 120; ++i) {
    model.in_past.emplace_back(5e8 + 4e8 * std::sin(i / 9.0));
    model.out_past.emplace_back(2e8 + 1e8 * std::cos(i / 5.0));
  }
  model.unaccounted_packets = 0;
  model.other_packets = 0;
  model.own_cpu_share = 0.004;
  model.lists.push_back(flow_list());
  return model;
}

}  // namespace isotach::view
