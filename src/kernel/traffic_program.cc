#include "kernel/traffic_program.h"

#ifdef ISOTACH_WITH_BPF

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <traffic.skel.h>
#include <traffic_trace.skel.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <map>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "kernel/hook_program.h"
#include "kernel/privileges.h"

namespace isotach::kernel {
namespace {

// libbpf tells in words what went wrong; the last of them explain a failure.
std::string& told_by_libbpf() {
  thread_local std::string told;
  return told;
}

[[gnu::format(printf, 2, 0)]] int listen_to_libbpf(libbpf_print_level level, const char* format,
                                                   va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  char line[512];
  std::vsnprintf(line, sizeof line, format, arguments);
  told_by_libbpf() = line;
  return 0;
}

std::string find_cgroup2() {
  const auto mounts = read_file("/proc/self/mounts");
  if (!mounts) return {};
  for (const std::string_view line : split(*mounts, '\n')) {
    const std::size_t first = line.find(' ');
    const std::size_t second = first == line.npos ? line.npos : line.find(' ', first + 1);
    if (second == line.npos) continue;
    if (line.substr(second + 1).substr(0, 8) == "cgroup2 ")
      return std::string(line.substr(first + 1, second - first - 1));
  }
  return {};
}

// The root of the control groups: one that is mounted, or, where none can be seen (`ip netns exec` hides it),
// one that is mounted nowhere but at a descriptor.
Fd open_cgroup2() {
  const std::string folder = find_cgroup2();
  if (!folder.empty()) {
    Fd mounted(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (mounted.is_open()) return mounted;
  }
  const Fd context(::fsopen("cgroup2", FSOPEN_CLOEXEC));
  if (!context.is_open()) return {};
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return {};
  return Fd(::fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
}

class Mapping {
 public:
  Mapping() = default;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }
  [[nodiscard]] Result<void> map(int fd, std::size_t size) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    size_ = (size + page - 1) / page * page;
    void* data = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) return system_failure(errno, "map the memory of the BPF program");
    data_ = data;
    return {};
  }
  template <class Type>
  [[nodiscard]] Type* as() const {
    return static_cast<Type*>(data_);
  }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

void destroy(traffic_bpf* skeleton) {
  traffic_bpf__destroy(skeleton);
}
void destroy(traffic_trace_bpf* skeleton) {
  traffic_trace_bpf__destroy(skeleton);
}
int load(traffic_bpf* skeleton) {
  return traffic_bpf__load(skeleton);
}
int load(traffic_trace_bpf* skeleton) {
  return traffic_trace_bpf__load(skeleton);
}
void open(traffic_bpf*& skeleton) {
  skeleton = traffic_bpf__open();
}
void open(traffic_trace_bpf*& skeleton) {
  skeleton = traffic_trace_bpf__open();
}

template <class Skeleton>
struct SkeletonCloser {
  void operator()(Skeleton* skeleton) const { destroy(skeleton); }
};
template <class Skeleton>
using Owned = std::unique_ptr<Skeleton, SkeletonCloser<Skeleton>>;

struct LinkCloser {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, LinkCloser>;

// Both skeletons have the same maps and variables.
template <class Skeleton>
class LoadedProgram final : public TrafficProgram {
  static constexpr bool kTracepoints = std::is_same_v<Skeleton, traffic_trace_bpf>;

 public:
  LoadedProgram(Owned<Skeleton> skeleton, const TrafficProgramOptions& options)
      : options_(options), skeleton_(std::move(skeleton)) {}

  [[nodiscard]] Result<void> set_up() {
    processors_ = static_cast<unsigned>(libbpf_num_possible_cpus());
    const std::size_t areas = std::size_t{processors_} * 2;
    const auto map = [](Mapping& mapping, bpf_map* from, std::size_t size) {
      return mapping.map(bpf_map__fd(from), size);
    };
    if (auto ok = map(slots_, skeleton_->maps.slots, areas * options_.slot_limit * sizeof(traffic_slot)); !ok)
      return ok;
    if (auto ok = map(controls_, skeleton_->maps.controls, areas * sizeof(traffic_control)); !ok) return ok;
    if (auto ok = map(blocks_, skeleton_->maps.blocks, areas * options_.block_count * sizeof(traffic_block));
        !ok)
      return ok;
    if (auto ok = make_barrier(); !ok) return ok;
    if (options_.find_owners) mark_sockets();
    if constexpr (kTracepoints) return trace();
    return {};
  }

  Result<void> attach(unsigned interface, unsigned block, unsigned link_head) override {
    traffic_interface* place = place_of(interface);
    if (place == nullptr) return failure(ErrorKind::failed, "there is no place for another interface");
    place->block = static_cast<std::uint16_t>(block);
    place->link_head = static_cast<std::uint16_t>(link_head);
    __atomic_store_n(&place->index, interface, __ATOMIC_RELEASE);
    if constexpr (kTracepoints) return {};
    auto in = link_to_hook(bpf_program__fd(skeleton_->progs.count_ingress), interface, TcxHook::ingress);
    if (!in) return tl::make_unexpected(in.error());
    auto out = link_to_hook(bpf_program__fd(skeleton_->progs.count_egress), interface, TcxHook::egress);
    if (!out) return tl::make_unexpected(out.error());
    hooks_[interface] = {std::move(*in), std::move(*out)};
    return {};
  }

  void detach(unsigned interface) override {
    hooks_.erase(interface);
    traffic_interface* place = place_of(interface);
    if (place != nullptr) __atomic_store_n(&place->index, 0, __ATOMIC_RELEASE);
  }

  Result<unsigned> switch_buffer() override {
    const std::uint32_t before = skeleton_->data->generation;
    __atomic_store_n(&skeleton_->data->generation, before + 1, __ATOMIC_RELEASE);
    // The kernel lets nobody come back from changing a map of maps while a program that may have seen the old
    // one still runs: just what is to be waited for here.
    const std::uint32_t zero = 0;
    const int inner = inner_.get();
    if (bpf_map_update_elem(outer_.get(), &zero, &inner, BPF_ANY) != 0)
      return system_failure(errno, "wait for the BPF program");
    return before & 1;
  }

  [[nodiscard]] unsigned processors() const override { return processors_; }

  [[nodiscard]] TrafficArea area(unsigned processor, unsigned buffer) const override {
    const std::size_t number = std::size_t{processor} * 2 + buffer;
    return {slots_.as<traffic_slot>() + number * options_.slot_limit,
            controls_.as<traffic_control>() + number,
            blocks_.as<traffic_block>() + number * options_.block_count};
  }

  [[nodiscard]] const std::string& no_owners_because() const override { return no_owners_because_; }

  [[nodiscard]] bool marks_all() const override { return mark_ != nullptr && walk_ != nullptr; }

  void walk_sockets() override {
    if (walk_ == nullptr) return;
    skeleton_->data->walk_round = skeleton_->data->walk_round + 1;
    const Fd walk(bpf_iter_create(bpf_link__fd(walk_.get())));
    if (!walk.is_open()) return;
    char text[256];
    while (true) {
      const ssize_t size = ::read(walk.get(), text, sizeof text);
      if (size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN)) return;
    }
  }

  [[nodiscard]] std::optional<traffic_owner> owner(std::uint32_t pid) const override {
    traffic_owner found{};
    if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.owners), &pid, &found) != 0) return std::nullopt;
    return found;
  }

 private:
  [[nodiscard]] Result<void> trace() {
    for (bpf_program* program : {skeleton_->progs.count_ingress, skeleton_->progs.count_egress}) {
      traces_.emplace_back(bpf_program__attach(program));
      if (traces_.back() == nullptr)
        return system_failure(errno, "attach the BPF program to a tracepoint", root_or_grant());
    }
    return {};
  }

  // Where the program looks for that interface: its place, or a free one.
  [[nodiscard]] traffic_interface* place_of(unsigned interface) {
    traffic_interface* free = nullptr;
    for (unsigned i = 0; i < TRAFFIC_INTERFACE_PROBES; ++i) {
      traffic_interface* place = &skeleton_->bss->interfaces[(interface + i) & (TRAFFIC_INTERFACES - 1)];
      if (place->index == interface) return place;
      if (place->index == 0 && free == nullptr) free = place;
    }
    return free;
  }

  [[nodiscard]] Result<void> make_barrier() {
    inner_ = Fd(bpf_map_create(BPF_MAP_TYPE_ARRAY, "traffic_inner", 4, 4, 1, nullptr));
    if (!inner_.is_open()) return system_failure(errno, "make a BPF map", root_or_grant());
    bpf_map_create_opts options{};
    options.sz = sizeof options;
    options.inner_map_fd = static_cast<std::uint32_t>(inner_.get());
    outer_ = Fd(bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "traffic_outer", 4, 4, 1, &options));
    if (!outer_.is_open()) return system_failure(errno, "make a BPF map of maps", root_or_grant());
    return {};
  }

  void mark_sockets() {
    const Fd group = open_cgroup2();
    if (!group.is_open()) {
      no_owners_because_ =
          "control groups (cgroup2) cannot be reached; try: mount -t cgroup2 none /sys/fs/cgroup";
    } else {
      mark_.reset(bpf_program__attach_cgroup(skeleton_->progs.mark_socket, group.get()));
      if (mark_ == nullptr)
        no_owners_because_ =
            "the program that marks sockets cannot be attached to the root of the control groups";
    }
    if (bpf_program__fd(skeleton_->progs.walk_sockets) >= 0) {
      walk_.reset(bpf_program__attach_iter(skeleton_->progs.walk_sockets, nullptr));
      walk_sockets();
    }
  }

  TrafficProgramOptions options_;
  unsigned processors_ = 1;
  Owned<Skeleton> skeleton_;
  Mapping slots_, controls_, blocks_;
  Fd inner_, outer_;
  Link mark_, walk_;
  std::vector<Link> traces_;
  std::string no_owners_because_;
  std::map<unsigned, std::pair<Fd, Fd>>
      hooks_;  // before the skeleton goes, its programs leave the interfaces
};

template <class Skeleton>
Result<Owned<Skeleton>> load_skeleton(const TrafficProgramOptions& options, bool with_walk) {
  Skeleton* opened = nullptr;
  open(opened);
  Owned<Skeleton> skeleton(opened);
  if (skeleton == nullptr) return system_failure(errno, "open the BPF program");
  const int possible = libbpf_num_possible_cpus();
  if (possible <= 0) return system_failure(-possible, "count the processors");
  const std::uint32_t areas = static_cast<std::uint32_t>(possible) * 2;
  skeleton->rodata->places_each = options.places_each;
  skeleton->rodata->slot_limit = options.slot_limit;
  skeleton->rodata->block_count = options.block_count;
  skeleton->rodata->hash_seed = options.hash_seed;
  skeleton->rodata->find_owners = options.find_owners ? 1 : 0;
  if constexpr (std::is_same_v<Skeleton, traffic_trace_bpf>) {
    struct stat space {};
    if (::stat("/proc/self/ns/net", &space) != 0) return system_failure(errno, "look at /proc/self/ns/net");
    skeleton->rodata->name_space = static_cast<std::uint32_t>(space.st_ino);
  }
  bpf_map__set_max_entries(skeleton->maps.slots, areas * options.slot_limit);
  bpf_map__set_max_entries(skeleton->maps.places, areas * options.places_each);
  bpf_map__set_max_entries(skeleton->maps.controls, areas);
  bpf_map__set_max_entries(skeleton->maps.blocks, areas * options.block_count);
  bpf_program__set_autoload(skeleton->progs.walk_sockets, with_walk);
  const int error = load(skeleton.get());
  if (error == 0) return skeleton;
  if (error == -EPERM || error == -EACCES)
    return system_failure(-error, "load the BPF program", root_or_grant());
  Error told{ErrorKind::not_supported, -error, "load the BPF program", {}};
  if (const std::string& words = told_by_libbpf(); !words.empty())
    told.doing += " (" + printable(words.substr(0, words.find('\n'))) + ")";
  return tl::make_unexpected(told);
}

template <class Skeleton>
Result<std::unique_ptr<TrafficProgram>> load_program(const TrafficProgramOptions& options) {
  auto skeleton = load_skeleton<Skeleton>(options, options.find_owners);
  // The walk needs the kernel's type information, which some kernels are built without.
  if (!skeleton && options.find_owners && skeleton.error().kind != ErrorKind::not_permitted)
    skeleton = load_skeleton<Skeleton>(options, false);
  if (!skeleton) return tl::make_unexpected(skeleton.error());
  auto program = std::make_unique<LoadedProgram<Skeleton>>(std::move(*skeleton), options);
  if (auto ok = program->set_up(); !ok) return tl::make_unexpected(ok.error());
  return std::unique_ptr<TrafficProgram>(std::move(program));
}

}  // namespace

Result<std::unique_ptr<TrafficProgram>> TrafficProgram::load(const TrafficProgramOptions& options) {
  libbpf_set_print(listen_to_libbpf);
  told_by_libbpf().clear();
  return options.hooks == TrafficHooks::tcx ? load_program<traffic_bpf>(options)
                                            : load_program<traffic_trace_bpf>(options);
}

}  // namespace isotach::kernel

#else

namespace isotach::kernel {

Result<std::unique_ptr<TrafficProgram>> TrafficProgram::load(const TrafficProgramOptions&) {
  return failure(ErrorKind::not_supported, "this isotach was built without its BPF programs",
                 "build it where clang-16, bpftool and libbpf-dev are installed: ./dev setup");
}

}  // namespace isotach::kernel

#endif
