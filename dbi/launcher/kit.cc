#include "launcher/kit.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "engine/os/program_file.h"
#include "launcher/options.h"

namespace isotach::dbi {
namespace {

struct ElfFile {
  std::string wrong;  // what is wrong with it
  Elf64_Ehdr header{};
  std::string interpreter;
};

ElfFile read_elf(const std::string& path) {
  ElfFile file;
  struct stat status;
  if (stat(path.c_str(), &status)) return {strerror(errno), {}, {}};
  if (S_ISDIR(status.st_mode)) return {"is a folder", {}, {}};
  if (!S_ISREG(status.st_mode)) return {"is no regular file", {}, {}};
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return {strerror(errno), {}, {}};
  const Elf64_Ehdr& header = file.header;
  const ssize_t size = pread(descriptor, &file.header, sizeof header, 0);
  if (size < EI_NIDENT || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    file.wrong = size == 0 ? "is empty" : "is no ELF file";
  } else if (size < static_cast<ssize_t>(sizeof header)) {
    file.wrong = "is cut short";
  } else if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64) {
    file.wrong = "was built for another architecture; this engine runs x86-64 programs";
  }
  for (unsigned i = 0; file.wrong.empty() && i < header.e_phnum; i++) {
    Elf64_Phdr segment;
    if (pread(descriptor, &segment, sizeof segment,
              static_cast<off_t>(header.e_phoff + i * sizeof segment)) != sizeof segment) {
      file.wrong = "is cut short";
      break;
    }
    if (segment.p_type != PT_INTERP || segment.p_filesz >= PATH_MAX) continue;
    char text[PATH_MAX] = {};
    if (pread(descriptor, text, segment.p_filesz, static_cast<off_t>(segment.p_offset)) > 0)
      file.interpreter = text;
  }
  close(descriptor);
  return file;
}

std::string working_folder() {
  char folder[PATH_MAX];
  return getcwd(folder, sizeof folder) ? folder : "";
}

int first_number_in(const char* path) {
  int value = -1;
  if (FILE* file = fopen(path, "re")) {
    if (fscanf(file, "%d", &value) != 1) value = -1;
    fclose(file);
  }
  return value;
}

// Who traces a process; 0: nobody.
int tracer_of(int process) {
  int tracer = 0;
  const std::string path = "/proc/" + std::to_string(process) + "/status";
  if (FILE* file = fopen(path.c_str(), "re")) {
    char line[256];
    while (fgets(line, sizeof line, file))
      if (sscanf(line, "TracerPid: %d", &tracer) == 1) break;
    fclose(file);
  }
  return tracer;
}

bool in_container() {
  return access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0 || getenv("container");
}

}  // namespace

Problem find_kit(Kit& kit) {
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length <= 0) return {"cannot read /proc/self/exe: /proc must be mounted", kExitNotSupported};
  self[length] = 0;
  kit.folder = std::string(self, strrchr(self, '/'));
  kit.runtime = kit.folder + "/" + kRuntimeName;
  const ElfFile file = read_elf(kit.runtime);
  std::string wrong = file.wrong;
  if (wrong.empty() && file.interpreter.empty()) wrong = "names no dynamic loader";
  if (!wrong.empty())
    return {kit.runtime + ": " + wrong +
                "; the kit is incomplete: install isotach again, or build it: ninja engine",
            kExitFailed};
  kit.loader = file.interpreter;
  if (const ElfFile loader = read_elf(kit.loader); !loader.wrong.empty())
    return {kit.loader + ", the loader of the runtime: " + loader.wrong, kExitFailed};
  return {};
}

Problem check_tool(std::string& path, const std::string& kit_folder) {
  // A name alone that is no file here may be that of one of the kit's own tools.
  if (!path.empty() && path.find('/') == std::string::npos && access(path.c_str(), F_OK) != 0) {
    std::string own = kit_folder + "/tools/" + path;
    if (path.find(".so") == std::string::npos) own += ".so";
    if (access(own.c_str(), F_OK) == 0) path = own;
  }
  const ElfFile file = read_elf(path);
  std::string wrong = file.wrong;
  if (wrong.empty() && file.header.e_type != ET_DYN) wrong = "is no shared object; link it with -shared";
  if (wrong.empty() && !file.interpreter.empty() && path.find(".so") == std::string::npos)
    wrong = "is a program, no tool; a tool is linked with -shared";
  if (!wrong.empty()) return {"tool " + path + ": " + wrong, kExitUsage};
  if (path[0] != '/') path = working_folder() + "/" + path;
  return {};
}

Problem find_command(const std::string& name, std::string& path) {
  ProgramFile found{ProgramKind::unusable, ENOENT};
  path = name;
  if (name.find('/') != std::string::npos) {
    found = look_at_program(AT_FDCWD, name.c_str(), 0);
  } else if (!name.empty()) {
    const char* variable = getenv("PATH");
    std::string folders = variable ? variable : "/usr/local/bin:/usr/bin:/bin";
    for (size_t start = 0; start <= folders.size();) {
      size_t end = folders.find(':', start);
      if (end == std::string::npos) end = folders.size();
      const std::string folder = folders.substr(start, end - start);
      const std::string candidate = folder.empty() ? name : folder + "/" + name;
      start = end + 1;
      const ProgramFile file = look_at_program(AT_FDCWD, candidate.c_str(), 0);
      const bool nothing =
          file.kind == ProgramKind::unusable && (file.error == ENOENT || file.error == ENOTDIR);
      // As a shell: one that cannot be run is remembered, and the search goes on.
      if (nothing && access(candidate.c_str(), F_OK) != 0) continue;
      if (file.kind == ProgramKind::unusable && found.error != ENOENT) continue;
      found = file;
      path = candidate;
      if (file.kind != ProgramKind::unusable) break;
    }
  }
  if (found.kind == ProgramKind::unusable && found.error == ENOENT && name.find('/') == std::string::npos &&
      path == name)
    return {(name.empty() ? "''" : name) + ": command not found", kExitNotFound};
  if (found.kind == ProgramKind::privileged)
    return {
        path +
            ": gets privileges when it is run (set-user-ID, set-group-ID, file capabilities, or it cannot be "
            "read), and the kernel lets nobody take over such a process; run pin as the user whose rights it "
            "needs, or a copy of the file without them",
        kExitNotPermitted};
  if (found.kind == ProgramKind::foreign) {
    // What has no magic at all is a shell's script to execvp(3) and to shells.
    const ElfFile file = read_elf(path);
    if (file.wrong.find("architecture") != std::string::npos)
      return {path + ": " + file.wrong, kExitNotSupported};
    return {};
  }
  if (found.kind == ProgramKind::unusable) {
    if (found.error == ENOENT && access(path.c_str(), F_OK) == 0)
      return {path + ": its interpreter does not exist", kExitCannotRun};
    struct stat status;
    if (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
      return {path + ": is a folder", kExitCannotRun};
    return {path + ": " + strerror(found.error), found.error == ENOENT ? kExitNotFound : kExitCannotRun};
  }
  return {};
}

Problem explain_refusal(int process, int error, const std::string& what) {
  std::string text = what + ": " + strerror(error);
  if (error != EPERM && error != EACCES) return {text, kExitFailed};
  if (first_number_in("/proc/sys/kernel/yama/ptrace_scope") >= 2)
    return {text + "; kernel.yama.ptrace_scope forbids it: as root, sysctl kernel.yama.ptrace_scope=1",
            kExitNotPermitted};
  if (const int tracer = tracer_of(process))
    return {text + "; process " + std::to_string(tracer) + " (a debugger, strace) is tracing it",
            kExitNotPermitted};
  text += "; it may belong to another user: run as root";
  if (in_container())
    text += ", or the container forbids ptrace: start it with --cap-add=SYS_PTRACE";
  else if (first_number_in("/proc/sys/kernel/yama/ptrace_scope") == 1)
    text += "; or kernel.yama.ptrace_scope=1 keeps it to parents: as root, sysctl kernel.yama.ptrace_scope=0";
  return {text, kExitNotPermitted};
}

}  // namespace isotach::dbi
