#include "command/overview_model.h"

#include <algorithm>
#include <utility>

#include "command/overview_devices.h"
#include "command/overview_rates.h"

namespace isotach::command {
namespace {

using kernel::CpuField;
using kernel::KsmField;
using kernel::MemoryField;
using kernel::VmCounter;
using machine::MachineReading;
using view::Number;

view::CpuShares shares_of(const kernel::CpuTimes* before, const kernel::CpuTimes& now) {
  view::CpuShares shares;
  if (before == nullptr) return shares;
  // iowait and idle may step back by a little (Documentation/filesystems/proc.rst): then they stood still.
  const auto grown = [&](CpuField field) { return growth((*before)[field], now[field]).value_or(0); };
  const double user = grown(CpuField::user) + grown(CpuField::nice);
  const double system = grown(CpuField::system) + grown(CpuField::irq) + grown(CpuField::softirq);
  const double idle = grown(CpuField::idle);
  const double iowait = grown(CpuField::iowait);
  const double steal = grown(CpuField::steal);
  const double all = user + system + idle + iowait + steal;
  if (all <= 0) return shares;
  shares.busy = (user + system + steal) / all;
  shares.user = user / all;
  shares.system = system / all;
  if (!now[CpuField::iowait].is_missing()) shares.iowait = iowait / all;
  if (!now[CpuField::steal].is_missing()) shares.steal = steal / all;
  return shares;
}

void fill_cpu(const Rates& rates, view::CpuArea& area) {
  const kernel::CpuReading& now = rates.now().cpu;
  const kernel::CpuReading* before = rates.before() != nullptr ? &rates.before()->cpu : nullptr;
  area.all = shares_of(before != nullptr ? &before->all : nullptr, now.all);
  area.each.clear();
  for (std::size_t i = 0; i < now.each.size(); ++i) {
    const kernel::CpuTimes* earlier = nullptr;
    if (before != nullptr) {
      // CPUs come and go; almost always each stands where it stood.
      const auto& all = before->each;
      const auto found = i < all.size() && all[i].number == now.each[i].number
                             ? all.begin() + static_cast<std::ptrdiff_t>(i)
                             : std::find_if(all.begin(), all.end(), [&](const kernel::CpuReading::One& one) {
                                 return one.number == now.each[i].number;
                               });
      if (found != all.end()) earlier = &found->times;
    }
    view::CpuShares one = shares_of(earlier, now.each[i].times);
    one.number = now.each[i].number;
    area.each.push_back(one);
  }
  const kernel::UptimeReading& uptime = rates.now().uptime;
  area.load_1_minute = number(uptime.load_1_minute);
  area.load_5_minutes = number(uptime.load_5_minutes);
  area.load_15_minutes = number(uptime.load_15_minutes);
  area.running = number(now.processes_running);
  area.blocked = number(now.processes_blocked);
  area.context_switches_per_second = rates([](const MachineReading& r) { return r.cpu.context_switches; });
  area.interrupts_per_second = rates([](const MachineReading& r) { return r.cpu.interrupts; });
  if (before != nullptr) remember(area.busy_past, area.all.busy);
}

void fill_memory(const MachineReading& now, view::MemoryArea& area) {
  const auto kib = [&](MemoryField field) { return number(now.memory[field], kKiB); };
  area.total_bytes = kib(MemoryField::total);
  area.available_bytes = kib(MemoryField::available);
  area.free_bytes = kib(MemoryField::free);
  area.buffers_bytes = kib(MemoryField::buffers);
  area.shared_bytes = kib(MemoryField::shared);
  area.dirty_bytes = kib(MemoryField::dirty);
  area.writeback_bytes = kib(MemoryField::writeback);
  area.anonymous_bytes = kib(MemoryField::anonymous);
  area.slab_bytes = kib(MemoryField::slab);
  area.page_tables_bytes = kib(MemoryField::page_tables);
  area.committed_bytes = kib(MemoryField::committed);
  area.commit_limit_bytes = kib(MemoryField::commit_limit);
  area.cache_bytes = kib(MemoryField::cached);
  if (area.cache_bytes) *area.cache_bytes += kib(MemoryField::slab_reclaimable).value_or(0);
  // As free(1): total less available; less free where "available" is missing or absurd.
  const bool usable = area.available_bytes && area.total_bytes && *area.available_bytes <= *area.total_bytes;
  const Number rest = usable ? area.available_bytes : area.free_bytes;
  area.used_bytes =
      area.total_bytes && rest ? Number(std::max(0.0, *area.total_bytes - *rest)) : std::nullopt;
  remember(area.used_share_past, ratio(area.used_bytes, area.total_bytes));
}

void fill_swap(const Rates& rates, view::SwapArea& area) {
  const MachineReading& now = rates.now();
  area.total_bytes = number(now.memory[MemoryField::swap_total], kKiB);
  const Number free = number(now.memory[MemoryField::swap_free], kKiB);
  area.used_bytes =
      area.total_bytes && free ? Number(std::max(0.0, *area.total_bytes - *free)) : std::nullopt;
  const auto page = static_cast<double>(now.page_size_bytes);
  area.in_bytes_per_second =
      rates([](const MachineReading& r) { return r.vm[VmCounter::swapped_in_pages]; }, page);
  area.out_bytes_per_second =
      rates([](const MachineReading& r) { return r.vm[VmCounter::swapped_out_pages]; }, page);
  area.devices.clear();
  for (const kernel::SwapDevice& device : now.swap_devices)
    area.devices.push_back({device.path, static_cast<double>(device.size_kib) * kKiB,
                            static_cast<double>(device.used_kib) * kKiB,
                            static_cast<double>(device.priority)});
  if (rates.before() == nullptr) return;
  remember(area.in_past, area.in_bytes_per_second);
  remember(area.out_past, area.out_bytes_per_second);
}

void fill_paging(const Rates& rates, view::PagingArea& area) {
  const auto of = [&](VmCounter counter, double scale = 1) {
    return rates([counter](const MachineReading& r) { return r.vm[counter]; }, scale);
  };
  area.faults_per_second = of(VmCounter::faults);
  area.major_faults_per_second = of(VmCounter::major_faults);
  area.reclaimed_kernel_per_second = of(VmCounter::stolen_kswapd);
  area.reclaimed_programs_per_second = of(VmCounter::stolen_direct);
  area.in_bytes_per_second = of(VmCounter::paged_in_kib, kKiB);
  area.out_bytes_per_second = of(VmCounter::paged_out_kib, kKiB);
  area.kills_per_second = of(VmCounter::oom_kills);
  if (rates.before() != nullptr) remember(area.faults_past, area.faults_per_second);
}

void fill_ksm(const Rates& rates, view::KsmArea& area) {
  const kernel::KsmReading& ksm = rates.now().ksm;
  const auto page = static_cast<double>(rates.now().page_size_bytes);
  area.run = number(ksm[KsmField::run]);
  area.shared_bytes = number(ksm[KsmField::pages_shared], page);
  area.saved_bytes = number(ksm[KsmField::pages_sharing], page);
  area.unshared_bytes = number(ksm[KsmField::pages_unshared], page);
  area.profit_bytes = number(ksm[KsmField::general_profit_bytes]);
  area.pages_to_scan = number(ksm[KsmField::pages_to_scan]);
  area.sleep_s = number(ksm[KsmField::sleep_millisecs], 1e-3);
  area.full_scans = number(ksm[KsmField::full_scans]);
  area.scanned_per_second = rates([](const MachineReading& r) { return r.ksm[KsmField::pages_scanned]; });
}

void fill_pressure(const Rates& rates, kernel::PressureReading MachineReading::*resource,
                   view::PressureArea& area) {
  const kernel::PressureReading& now = rates.now().*resource;
  constexpr double kMicrosecond = 1e-6;
  constexpr double kPercent = 0.01;
  area.some = {rates([&](const MachineReading& r) { return (r.*resource).some.total_us; }, kMicrosecond),
               number(now.some.avg10_percent, kPercent)};
  area.full = {rates([&](const MachineReading& r) { return (r.*resource).full.total_us; }, kMicrosecond),
               number(now.full.avg10_percent, kPercent)};
  if (rates.before() != nullptr) remember(area.some_past, area.some.now);
}

double seconds_between(Instant from, Instant to) {
  return static_cast<double>(to.monotonic_ns - from.monotonic_ns) /
         static_cast<double>(kNanosecondsPerSecond);
}

}  // namespace

OverviewBuilder::OverviewBuilder(kernel::Host host, std::string source) {
  model_.host = std::move(host.name);
  model_.kernel_release = std::move(host.kernel_release);
  model_.source = std::move(source);
}

void OverviewBuilder::set_limits(const kernel::CgroupLimits& limits) {
  model_.limits = {number(limits.memory_bytes), number(limits.cpus)};
}

void OverviewBuilder::add(const MachineReading& reading, Instant time) {
  const double elapsed_s = previous_ ? seconds_between(previous_->time, time) : 0;
  const Rates rates(previous_ ? &previous_->reading : nullptr, reading, elapsed_s);
  model_.time = time;
  model_.interval_s = std::max(0.0, elapsed_s);
  model_.uptime_s = number(reading.uptime.uptime_s);
  fill_cpu(rates, model_.cpu);
  fill_memory(reading, model_.memory);
  fill_swap(rates, model_.swap);
  fill_paging(rates, model_.paging);
  fill_protocols(rates, model_.protocols);
  fill_ksm(rates, model_.ksm);
  fill_pressure(rates, &MachineReading::cpu_pressure, model_.cpu_pressure);
  fill_pressure(rates, &MachineReading::memory_pressure, model_.memory_pressure);
  fill_pressure(rates, &MachineReading::io_pressure, model_.io_pressure);
  fill_interfaces(rates, model_.interfaces);
  fill_disks(rates, model_.disks);
  ++model_.samples;
  diagnose(reading, time);
  previous_ = Moment{reading, time};
}

void OverviewBuilder::diagnose(const MachineReading& reading, Instant time) {
  diagnosis_ = recent_.judge(reading, time.monotonic_ns);
  show_findings();
}

void OverviewBuilder::add_standing(const StandingNews& news) {
  standing_findings_ = news.findings;
  model_.connections.clear();
  for (const DoctorConnection& one : news.connections) model_.connections.push_back(connection_text(one));
  model_.connection_count = news.connection_count;
  show_findings();
}

void OverviewBuilder::show_findings() {
  std::vector<doctor::Finding> all = diagnosis_.findings;
  doctor::add_unsaid(standing_findings_, all);
  model_.findings.clear();
  std::erase_if(all, [this](const doctor::Finding& finding) { return is_silenced(finding, silenced_); });
  for (const doctor::Finding& finding : all) model_.findings.push_back(finding_text(finding));
  model_.not_checked = diagnosis_.not_checked;
}

void OverviewBuilder::restart() {
  view::OverviewModel fresh;
  fresh.host = std::move(model_.host);
  fresh.kernel_release = std::move(model_.kernel_release);
  fresh.source = std::move(model_.source);
  model_ = std::move(fresh);
  previous_.reset();
  recent_.restart();
}

}  // namespace isotach::command
