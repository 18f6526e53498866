// isotach doctor --self: what works here, command by command, and what is missing for the rest.
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "command/context.h"
#include "command/doctor/commands.h"
#include "kernel/child.h"
#include "kernel/key_value.h"
#include "kernel/netlink.h"
#include "kernel/privileges.h"
#include "view/export/json_writer.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

struct Verdict {
  bool works = true;
  std::string why;     // it does not
  std::string remedy;  // what to type next
};

struct Feature {
  const char* command;
  const char* what;
  std::function<Verdict()> check;
};

Verdict file(const char* path, const char* why, const char* remedy) {
  if (::access(path, R_OK) == 0) return {};
  return {false, why, remedy};
}

Verdict program(const char* name, const char* package) {
  if (kernel::find_program(name)) return {};
  return {false, fmt::format("{} is not installed", name), fmt::format("apt-get install {}", package)};
}

Verdict capability(unsigned number, const char* name) {
  const auto text = read_file("/proc/self/status", 65536);
  if (!text) return {false, "/proc is not readable", "mount it"};
  const std::size_t at = text->find("CapEff:");
  if (at == std::string::npos) return {};
  std::string_view rest = std::string_view(*text).substr(at + 7);
  const std::string word(kernel::take_word(rest));
  const auto bits = std::strtoull(word.c_str(), nullptr, 16);
  if ((bits >> number & 1) != 0) return {};
  // Who may everything that this one allows may as well be root.
  return {false, fmt::format("{} is missing", name),
          number == CAP_SYS_ADMIN ? "run as root, by sudo" : kernel::kGrantCommand};
}

Verdict netlink(int protocol, const char* option) {
  if (kernel::NetlinkSocket::open(protocol)) return {};
  return {false, fmt::format("this kernel lacks {}", option), "use a kernel with it"};
}

Verdict packets() {
  const Fd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (fd.is_open()) return {};
  return capability(CAP_NET_RAW, "cap_net_raw");
}

Verdict first_missing(std::initializer_list<Verdict> verdicts) {
  for (const Verdict& one : verdicts)
    if (!one.works) return one;
  return {};
}

std::vector<Feature> features() {
  return {
      {"isotach", "memory, CPU, disks, interfaces",
       [] { return file("/proc/meminfo", "/proc is not readable", "mount -t proc proc /proc"); }},
      {"isotach", "pressure (PSI)",
       [] {
         return file("/proc/pressure/memory", "this kernel has no PSI",
                     "boot with psi=1, or a kernel with CONFIG_PSI");
       }},
      {"connections", "all TCP connections", [] { return netlink(NETLINK_SOCK_DIAG, "CONFIG_INET_DIAG"); }},
      {"connections", "processes of other users",
       [] { return capability(CAP_SYS_PTRACE, "cap_sys_ptrace"); }},
      {"connections", "capturing (-i)", packets},
      {"traffic", "packets of an interface", packets},
      {"traffic", "counting in the kernel, and processes (BPF)",
       [] {
         return first_missing(
             {capability(CAP_BPF, "cap_bpf"), capability(CAP_PERFMON, "cap_perfmon"),
              capability(CAP_NET_ADMIN, "cap_net_admin"),
              file("/sys/kernel/btf/vmlinux", "this kernel does not describe its types (BTF)",
                   "use a kernel with CONFIG_DEBUG_INFO_BTF; packets are counted by the ring until then")});
       }},
      {"link", "speed, duplex and settings of interfaces",
       [] { return netlink(NETLINK_GENERIC, "CONFIG_ETHTOOL_NETLINK"); }},
      {"link", "changing them", [] { return capability(CAP_NET_ADMIN, "cap_net_admin"); }},
      {"doctor", "the threads behind connections",
       [] {
         return first_missing({file("/proc/self/syscall", "this kernel lacks CONFIG_HAVE_ARCH_TRACEHOOK",
                                    "verdicts do without"),
                               capability(CAP_SYS_PTRACE, "cap_sys_ptrace")});
       }},
      {"doctor", "other ends in other network namespaces",
       [] { return capability(CAP_SYS_ADMIN, "cap_sys_admin"); }},
      {"lab net", "emulated paths",
       [] {
         return first_missing(
             {capability(CAP_SYS_ADMIN, "cap_sys_admin"), capability(CAP_NET_ADMIN, "cap_net_admin")});
       }},
      {"swap", "making and removing swap areas", [] { return capability(CAP_SYS_ADMIN, "cap_sys_admin"); }},
      {"swap", "compressed swap in memory (zram)",
       [] { return file("/sys/class/zram-control", "the module zram is not loaded", "modprobe zram"); }},
      {"ksm", "merging of equal pages",
       [] {
         return file("/sys/kernel/mm/ksm/run", "this kernel has no KSM", "use a kernel with CONFIG_KSM");
       }},
      {"pin", "tools for running processes (-pid)",
       [] { return capability(CAP_SYS_PTRACE, "cap_sys_ptrace"); }},
      {"pin", "building pintools",
       [] {
         return first_missing({program("g++", "g++"), program("make", "make")});
       }},
      {"inspect", "lines of sources",
       [] {
         return file("/usr/lib/x86_64-linux-gnu/libdw.so.1", "libdw is not installed",
                     "apt-get install libdw1");
       }},
  };
}

void print_text(Context& context, const std::vector<Feature>& all, const std::vector<Verdict>& verdicts) {
  const auto missing =
      std::count_if(verdicts.begin(), verdicts.end(), [](const Verdict& one) { return !one.works; });
  context.out.write(missing == 0
                        ? "Everything works here.\n\n"
                        : fmt::format("{} of {} features do not work here.\n\n", missing, all.size()));
  using view::Align;
  view::Table table({{"command", Align::left},
                     {"feature", Align::left, 0, 20},
                     {"", Align::left},
                     {"what to do", Align::left, 0, 20}});
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Verdict& one = verdicts[i];
    table.row({all[i].command, all[i].what, one.works ? "works" : one.why,
               one.remedy == kernel::kGrantCommand ? "run as root, or as said below" : one.remedy});
  }
  context.out.write(table.text(context.out_is_terminal ? terminal_size(context.out.fd()).columns : 160));
  if (std::ranges::find(verdicts, kernel::kGrantCommand, &Verdict::remedy) == verdicts.end()) return;
  context.out.write(fmt::format(
      "\nOr allow the program itself to look at the network and at other users' processes, all at\n"
      "once, because each setcap replaces what the one before allowed:\n\n  {}\n",
      kernel::kGrantCommand));
}

void print_json(Context& context, const std::vector<Feature>& all, const std::vector<Verdict>& verdicts) {
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.doctor.self.v1");
  json.key("features").begin_array();
  for (std::size_t i = 0; i < all.size(); ++i) {
    json.begin_object();
    json.key("command").string(all[i].command);
    json.key("feature").string(all[i].what);
    json.key("works").boolean(verdicts[i].works);
    json.key("why").string(verdicts[i].why);
    json.key("remedy").string(verdicts[i].remedy);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  context.out.write(json.take() + '\n');
}

}  // namespace

int examine_self(Context& context, bool json) {
  const std::vector<Feature> all = features();
  std::vector<Verdict> verdicts;
  for (const Feature& feature : all) verdicts.push_back(feature.check());
  if (json)
    print_json(context, all, verdicts);
  else
    print_text(context, all, verdicts);
  const bool complete =
      std::all_of(verdicts.begin(), verdicts.end(), [](const Verdict& one) { return one.works; });
  return complete ? kExitOk : kExitFailed;
}

}  // namespace isotach::command
