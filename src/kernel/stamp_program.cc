#include "kernel/stamp_program.h"

#ifdef ISOTACH_WITH_BPF

#include <bpf/libbpf.h>
#include <stamp.skel.h>

#include <cerrno>

#include "kernel/hook_program.h"
#include "kernel/privileges.h"

namespace isotach::kernel {
namespace {

struct SkeletonCloser {
  void operator()(stamp_bpf* skeleton) const { stamp_bpf__destroy(skeleton); }
};

class LoadedStampProgram final : public StampProgram {
 public:
  explicit LoadedStampProgram(std::unique_ptr<stamp_bpf, SkeletonCloser> skeleton)
      : skeleton_(std::move(skeleton)) {}

  Result<void> attach(unsigned interface) override {
    auto link = link_to_hook(bpf_program__fd(skeleton_->progs.stamp), interface, TcxHook::ingress);
    if (!link) return tl::make_unexpected(std::move(link.error()));
    links_.push_back(std::move(*link));
    return {};
  }

 private:
  std::unique_ptr<stamp_bpf, SkeletonCloser> skeleton_;
  std::vector<Fd> links_;
};

}  // namespace

Result<std::unique_ptr<StampProgram>> StampProgram::load() {
  libbpf_set_print([](libbpf_print_level, const char*, va_list) { return 0; });
  std::unique_ptr<stamp_bpf, SkeletonCloser> skeleton(stamp_bpf__open_and_load());
  if (!skeleton) return system_failure(errno, "load the BPF program of exact stamps", root_or_grant());
  return std::make_unique<LoadedStampProgram>(std::move(skeleton));
}

}  // namespace isotach::kernel

#else

namespace isotach::kernel {

Result<std::unique_ptr<StampProgram>> StampProgram::load() {
  return failure(ErrorKind::not_supported, "this isotach was built without BPF: stamps cannot be exact",
                 "leave --exact out, or build it with clang, bpftool and libbpf-dev");
}

}  // namespace isotach::kernel

#endif
