// What the kernel tells a program about itself must be as if no engine were there.
#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/rseq.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include <string>

#include "case.h"
#include "signal_tools.h"

namespace {

using Word = uint64_t;

std::string read_link(const char* path) {
  char text[4096];
  const ssize_t size = readlink(path, text, sizeof text);
  return size < 0 ? "" : std::string(text, static_cast<size_t>(size));
}

std::string read_file(const char* path) {
  std::string text;
  int file = open(path, O_RDONLY);
  char buffer[4096];
  ssize_t got;
  while (file >= 0 && (got = read(file, buffer, sizeof buffer)) > 0)
    text.append(buffer, static_cast<size_t>(got));
  if (file >= 0) close(file);
  return text;
}

CASE(own_name) {
  const std::string path = read_link("/proc/self/exe");
  EXPECT(path.size() > 7 && path.compare(path.size() - 7, 7, "/kernel") == 0);
  EXPECT(strcmp(program_invocation_short_name, "kernel") == 0);
  char name[16] = {};
  prctl(PR_GET_NAME, name);
  EXPECT_EQ(strcmp(name, "kernel"), 0);
  EXPECT(read_file("/proc/self/comm") == "kernel\n");
  const std::string command = read_file("/proc/self/cmdline");
  EXPECT(command.find("pin") == std::string::npos);
  EXPECT(read_file("/proc/self/environ").find("GLIBC_TUNABLES") == std::string::npos);
  EXPECT(getenv("GLIBC_TUNABLES") == nullptr);
  EXPECT(getenv("LD_BIND_NOW") == nullptr);
}

CASE(auxiliary_vector) {
  EXPECT_EQ(getauxval(AT_PAGESZ), 4096u);
  EXPECT(getauxval(AT_SYSINFO_EHDR) != 0);
  EXPECT(strcmp(reinterpret_cast<const char*>(getauxval(AT_EXECFN)), "") != 0);
  auto* headers = reinterpret_cast<const Elf64_Phdr*>(getauxval(AT_PHDR));
  EXPECT_EQ(headers[0].p_type, static_cast<unsigned>(PT_PHDR));
  Word base = getauxval(AT_PHDR) - headers[0].p_vaddr;
  auto* header = reinterpret_cast<const Elf64_Ehdr*>(base);
  EXPECT_EQ(getauxval(AT_ENTRY), base + header->e_entry);
  EXPECT_EQ(getauxval(AT_PHNUM), header->e_phnum);
  const std::string vector = read_file("/proc/self/auxv");
  EXPECT(vector.size() >= 16 * 15);
}

CASE(libraries_loaded) {
  // The program's own loader knows the program's libraries alone.
  static int count, strange;
  count = strange = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* information, size_t, void*) {
        ++count;
        if (strstr(information->dlpi_name, "mimalloc") != nullptr ||
            strstr(information->dlpi_name, "Zydis") != nullptr ||
            strstr(information->dlpi_name, "isotach") != nullptr)
          ++strange;
        return 0;
      },
      nullptr);
  EXPECT(count >= 3);
  EXPECT_EQ(strange, 0);
}

CASE(low_descriptors_are_free) {
  // 0, 1, 2 and what was inherited; the next one opened is the lowest free number.
  int first = open("/dev/null", O_RDONLY);
  int second = dup(first);
  EXPECT_EQ(second, first + 1);
  close(first);
  EXPECT_EQ(open("/dev/null", O_RDONLY), first);
  close(first);
  close(second);
  EXPECT(first >= 3 && first < 20);
}

CASE(closing_all_descriptors) {
  // As daemons do: nothing that is not the program's may break.
  pid_t child = fork();
  if (child == 0) {
    for (int i = 3; i < 2048; ++i) close(i);
    if (syscall(SYS_close_range, 3, ~0u, 0) != 0 && errno != ENOSYS) _exit(2);
    int file = open("/dev/null", O_RDONLY);
    if (file != 3) _exit(3);
    // New code is still translated.
    volatile double x = 2;
    char text[64];
    snprintf(text, sizeof text, "%.3f", x * 3);
    _exit(strcmp(text, "6.000") == 0 ? 0 : 4);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  // dup2 over every number.
  child = fork();
  if (child == 0) {
    int null = open("/dev/null", O_RDWR);
    for (int i = 3; i < 1024; ++i)
      if (i != null && dup2(null, i) < 0 && errno != EBADF && errno != EBUSY) _exit(2);
    char text[64];
    snprintf(text, sizeof text, "%g", 0.5);
    _exit(0);
  }
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

CASE(few_descriptors_allowed) {
  pid_t child = fork();
  if (child == 0) {
    rlimit limit{16, 16};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) _exit(2);
    int opened = 0;
    while (open("/dev/null", O_RDONLY) >= 0) ++opened;
    _exit(errno == EMFILE && opened >= 8 ? 0 : 3);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

CASE(restartable_sequences_registered_once) {
  // glibc has registered one for the thread, or could not; a second one is refused, nothing crashes.
  struct rseq area {};
  errno = 0;
  const long result = syscall(SYS_rseq, &area, sizeof area, 0, 0x53053053);
  EXPECT(result == -1 &&
         (errno == EINVAL || errno == EBUSY || errno == ENOSYS || errno == EPERM || errno == EFAULT));
  EXPECT(sched_getcpu() >= 0);
}

CASE(time_by_vdso_and_by_call) {
  timespec by_vdso, by_call;
  for (clockid_t clock : {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME_COARSE,
                          CLOCK_MONOTONIC_RAW, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID}) {
    EXPECT_EQ(clock_gettime(clock, &by_vdso), 0);
    EXPECT_EQ(syscall(SYS_clock_gettime, clock, &by_call), 0);
    const double difference = static_cast<double>(by_call.tv_sec - by_vdso.tv_sec) +
                              static_cast<double>(by_call.tv_nsec - by_vdso.tv_nsec) / 1e9;
    EXPECT(difference > -0.1 && difference < 10);
  }
  timeval now;
  EXPECT_EQ(gettimeofday(&now, nullptr), 0);
  EXPECT(time(nullptr) >= now.tv_sec);
  unsigned cpu = 9999, node = 9999;
  EXPECT_EQ(getcpu(&cpu, &node), 0);
  EXPECT(cpu < 4096);
}

CASE(vdso_called_by_hand) {
  // Found through the auxiliary vector, as Go does it.
  const Word base = getauxval(AT_SYSINFO_EHDR);
  auto* header = reinterpret_cast<const Elf64_Ehdr*>(base);
  EXPECT_EQ(memcmp(header->e_ident, ELFMAG, SELFMAG), 0);
  auto* programs = reinterpret_cast<const Elf64_Phdr*>(base + header->e_phoff);
  const Elf64_Dyn* dynamic = nullptr;
  for (int i = 0; i < header->e_phnum; ++i)
    if (programs[i].p_type == PT_DYNAMIC)
      dynamic = reinterpret_cast<const Elf64_Dyn*>(base + programs[i].p_offset);
  const Elf64_Sym* symbols = nullptr;
  const char* strings = nullptr;
  for (; dynamic != nullptr && dynamic->d_tag != DT_NULL; ++dynamic) {
    if (dynamic->d_tag == DT_SYMTAB) symbols = reinterpret_cast<const Elf64_Sym*>(base + dynamic->d_un.d_ptr);
    if (dynamic->d_tag == DT_STRTAB) strings = reinterpret_cast<const char*>(base + dynamic->d_un.d_ptr);
  }
  EXPECT(symbols != nullptr && strings != nullptr);
  if (symbols == nullptr || strings == nullptr) return;
  for (int i = 0; i < 30; ++i) {
    if (strcmp(strings + symbols[i].st_name, "__vdso_clock_gettime") != 0) continue;
    timespec now{};
    auto* function = reinterpret_cast<int (*)(clockid_t, timespec*)>(base + symbols[i].st_value);
    EXPECT_EQ(function(CLOCK_MONOTONIC, &now), 0);
    EXPECT(now.tv_sec > 0 || now.tv_nsec > 0);
    return;
  }
  EXPECT(false);
}

CASE(own_memory_through_proc) {
  static volatile int value = 12345;
  int file = open("/proc/self/mem", O_RDWR);
  int read_back = 0;
  EXPECT_EQ(pread(file, &read_back, 4, static_cast<off_t>(reinterpret_cast<Word>(&value))), 4);
  EXPECT_EQ(read_back, 12345);
  // The code seen there is the program's own.
  uint8_t bytes[16];
  auto* code = reinterpret_cast<uint8_t*>(&read_link);
  EXPECT_EQ(pread(file, bytes, 16, static_cast<off_t>(reinterpret_cast<Word>(code))), 16);
  EXPECT_EQ(memcmp(bytes, code, 16), 0);
  close(file);
}

CASE(mincore_and_maps_of_own_code) {
  uint8_t resident = 0;
  auto* code = reinterpret_cast<uint8_t*>(reinterpret_cast<Word>(&read_link) & ~0xfffull);
  EXPECT_EQ(mincore(code, 4096, &resident), 0);
  EXPECT_EQ(resident & 1, 1);
  char wanted[32];
  FILE* maps = fopen("/proc/self/maps", "r");
  char line[512];
  bool found = false;
  while (maps != nullptr && fgets(line, sizeof line, maps) != nullptr) {
    Word low = 0, high = 0;
    if (sscanf(line, "%lx-%lx %31s", &low, &high, wanted) == 3 && low <= reinterpret_cast<Word>(code) &&
        reinterpret_cast<Word>(code) < high) {
      found = true;
      EXPECT_EQ(strcmp(wanted, "r-xp"), 0);
    }
  }
  if (maps != nullptr) fclose(maps);
  EXPECT(found);
}

CASE(limits_and_usage) {
  rlimit limit;
  EXPECT_EQ(getrlimit(RLIMIT_STACK, &limit), 0);
  rusage usage;
  EXPECT_EQ(getrusage(RUSAGE_SELF, &usage), 0);
  EXPECT(usage.ru_maxrss > 0);
  EXPECT(getpriority(PRIO_PROCESS, 0) >= -20);
  EXPECT(personality(0xffffffff) >= 0);
}

CASE(seccomp_filter) {
  // The program forbids itself all but a few calls; an engine's own must not end it.
  pid_t child = fork();
  if (child == 0) {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 77),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog program{4, filter};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(2);
    errno = 0;
    _exit(syscall(SYS_getppid) == -1 && errno == 77 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2) SKIP("no seccomp here");
  EXPECT_EQ(status, 0);
}

CASE(seccomp_trap) {
  // SIGSYS with the number and the address of the call, as browsers' sandboxes use it.
  pid_t child = fork();
  if (child == 0) {
    static volatile int number;
    static volatile Word address, pc;
    test::install(SIGSYS, [](int, siginfo_t* information, void* context) {
      number = information->si_syscall;
      address = reinterpret_cast<Word>(information->si_call_addr);
      pc = static_cast<Word>(test::reg(context, REG_RIP));
      test::reg(context, REG_RAX) = 4242;
    });
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog program{4, filter};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(2);
    Word behind = 0;
    long result = 0;
    asm volatile("syscall\n 1: lea 1b(%%rip), %1"
                 : "=a"(result), "=r"(behind)
                 : "a"(SYS_getppid)
                 : "rcx", "r11", "memory");
    _exit(result != 4242 ? 3 : number != SYS_getppid ? 4 : address != behind ? 5 : pc != behind ? 6 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2) SKIP("no seccomp here");
  EXPECT_EQ(status, 0);
}

CASE(process_attributes) {
  EXPECT_EQ(prctl(PR_GET_DUMPABLE), 1);
  EXPECT_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
  EXPECT_EQ(prctl(PR_GET_SECCOMP), 0);
  int subreaper = 1;
  prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
  EXPECT_EQ(subreaper, 0);
  // Not traced once it runs.
  const std::string status = read_file("/proc/self/status");
  EXPECT(status.find("TracerPid:\t0\n") != std::string::npos);
}

CASE(no_children_of_others) {
  // wait(2) knows only children that the program made.
  int status = 0;
  EXPECT_EQ(waitpid(-1, &status, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

CASE(addresses_can_be_chosen) {
  // Where the program likes to map, as emulators and JIT compilers do.
  void* low = mmap(reinterpret_cast<void*>(0x20000000), 65536, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  EXPECT(low == reinterpret_cast<void*>(0x20000000));
  munmap(low, 65536);
  void* low_half =
      mmap(nullptr, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  EXPECT(reinterpret_cast<Word>(low_half) < 1ull << 32);
  munmap(low_half, 65536);
  void* large = mmap(nullptr, 1ull << 40, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  EXPECT(large != MAP_FAILED);
  munmap(large, 1ull << 40);
}

}  // namespace

TEST_MAIN()
