// Writes what a program can see of how it was started, for launcher_test.py, which compares it with a start
// without the launcher. What differs from start to start (addresses, random bytes) is left out.
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>

extern char** environ;

namespace {

std::string contents(const char* path) {
  std::string text;
  if (FILE* file = fopen(path, "r")) {
    char buffer[4096];
    while (const size_t got = fread(buffer, 1, sizeof buffer, file)) text.append(buffer, got);
    fclose(file);
  }
  for (char& c : text)
    if (c == 0 || c == '\n') c = '|';
  return text;
}

std::string link_of(const std::string& path) {
  char target[4096];
  const ssize_t length = readlink(path.c_str(), target, sizeof target);
  return length < 0 ? "?" : std::string(target, static_cast<size_t>(length));
}

void print_descriptors() {
  std::set<int> numbers;
  DIR* folder = opendir("/proc/self/fd");
  while (const dirent* entry = readdir(folder))
    if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(folder)) numbers.insert(atoi(entry->d_name));
  closedir(folder);
  for (const int number : numbers) {
    std::string target = link_of("/proc/self/fd/" + std::to_string(number));
    if (target.rfind("pipe:", 0) == 0) target = "pipe";
    printf("fd %d %s %d\n", number, target.c_str(), fcntl(number, F_GETFD));
  }
}

void print_auxiliary_vector(char** environment) {
  while (*environment) environment++;
  for (auto* pair = reinterpret_cast<ElfW(auxv_t)*>(environment + 1); pair->a_type != AT_NULL; pair++) {
    switch (pair->a_type) {
      case AT_PHDR:
      case AT_BASE:
      case AT_ENTRY:
      case AT_RANDOM:
      case AT_SYSINFO_EHDR:
        printf("auxv %lu\n", pair->a_type);
        break;
      case AT_EXECFN:
      case AT_PLATFORM:
        printf("auxv %lu %s\n", pair->a_type, reinterpret_cast<const char*>(pair->a_un.a_val));
        break;
      default:
        printf("auxv %lu %lx\n", pair->a_type, pair->a_un.a_val);
    }
  }
}

void print_signals() {
  uint64_t mask = 0, pending = 0;
  syscall(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &mask, 8);
  syscall(SYS_rt_sigpending, &pending, 8);
  printf("mask %lx pending %lx\n", mask, pending);
  for (int signal = 1; signal < 65; signal++) {
    uint64_t action[4] = {};
    if (syscall(SYS_rt_sigaction, signal, nullptr, action, 8) == 0 && (action[0] || action[1]))
      printf("action %d %lx %lx\n", signal, action[0], action[1]);
  }
  stack_t stack;
  sigaltstack(nullptr, &stack);
  printf("altstack %d\n", stack.ss_flags);
}

void print_status_lines() {
  FILE* status = fopen("/proc/self/status", "r");
  char line[512];
  while (fgets(line, sizeof line, status))
    for (const char* name : {"Name",   "Umask",   "State",  "TracerPid", "Uid",        "Gid",    "Groups",
                             "NSpid",  "Threads", "SigQ",   "SigPnd",    "ShdPnd",     "SigBlk", "SigIgn",
                             "SigCgt", "CapInh",  "CapPrm", "CapEff",    "NoNewPrivs", "Seccomp"}) {
      const size_t length = strlen(name);
      const bool has_number_of_its_own = !strcmp(name, "NSpid");
      if (strncmp(line, name, length) == 0 && line[length] == ':' && !has_number_of_its_own)
        printf("%s", line);
    }
  fclose(status);
}

}  // namespace

int main(int argc, char** argv) {
  const bool clean_break = sbrk(0) == sbrk(0);
  printf("argc %d\n", argc);
  for (int i = 0; i < argc; i++) printf("argv %s\n", argv[i]);
  for (char** variable = environ; *variable; variable++) printf("env %s\n", *variable);
  print_auxiliary_vector(environ);
  print_descriptors();
  print_signals();
  print_status_lines();
  printf("exe %s\n", link_of("/proc/self/exe").c_str());
  printf("cmdline %s\n", contents("/proc/self/cmdline").c_str());
  printf("comm %s\n", contents("/proc/self/comm").c_str());
  printf("cwd %s\n", link_of("/proc/self/cwd").c_str());
  printf("personality %s\n", contents("/proc/self/personality").c_str());
  printf("group is own %d, session %d, foreground %d\n", getpgrp() == getpid(), getsid(0) == getpid(),
         tcgetpgrp(0) == getpgrp());
  int adopts = 0, death_signal = 0;
  prctl(PR_GET_CHILD_SUBREAPER, &adopts);
  prctl(PR_GET_PDEATHSIG, &death_signal);
  printf("adopts %d, death signal %d, dumpable %d, no new privileges %d\n", adopts, death_signal,
         prctl(PR_GET_DUMPABLE), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  errno = 0;
  const pid_t child = waitpid(-1, nullptr, __WALL | WNOHANG);
  printf("children %d %d\n", child, child < 0 ? errno : 0);
  uint64_t robust = 0, size = 0;
  syscall(SYS_get_robust_list, 0, &robust, &size);
  printf("robust list %d, break %d\n", robust != 0, clean_break);
  printf("priority %d\n", getpriority(PRIO_PROCESS, 0));
  if (argc < 2 || strcmp(argv[1], "--numbers") != 0)
    printf("under the engine %d\n",
           contents("/proc/self/maps").find("isotach-pin-runtime") != std::string::npos);
  if (argc > 1 && !strcmp(argv[1], "--numbers")) printf("numbers %d %d\n", getpid(), getppid());
  return 42;
}
