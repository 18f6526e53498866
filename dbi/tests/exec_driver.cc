// Executes programs in the ways that execve(2) knows, for follow_test.py:  exec_driver CASE FOLDER.
//
// FOLDER holds what the test has put there: probe (a program that tells what it sees), script, others. What
// fails is printed as the name of its error.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

extern char** environ;

namespace {

std::string folder;

std::string in_folder(const char* name) {
  return folder + "/" + name;
}

void tell_error(const char* what) {
  printf("%s: %s\n", what, errno ? strerrorname_np(errno) : "no error");
}

void execute(const std::string& path, std::vector<const char*> words = {"probe", "one", "two words"}) {
  words.push_back(nullptr);
  fflush(stdout);
  execve(path.c_str(), const_cast<char**>(words.data()), environ);
  tell_error("execve");
}

// In a child, so that a case may have several.
void in_child(const std::function<void()>& run) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    run();
    fflush(stdout);
    _exit(99);
  }
  int status = 0;
  waitpid(child, &status, 0);
  printf("child %x\n", status);
}

void execute_at(int directory, const char* path, int flags) {
  const char* words[] = {"probe", "at", nullptr};
  fflush(stdout);
  syscall(SYS_execveat, directory, path, words, environ, flags);
  tell_error("execveat");
}

void by_descriptor() {
  in_child([] { execute_at(open(in_folder("probe").c_str(), O_RDONLY), "", AT_EMPTY_PATH); });
  in_child([] { execute_at(open(in_folder("probe").c_str(), O_RDONLY | O_CLOEXEC), "", AT_EMPTY_PATH); });
  in_child([] { execute_at(open(in_folder("probe").c_str(), O_PATH | O_CLOEXEC), "", AT_EMPTY_PATH); });
  in_child([] { execute_at(open(in_folder("script").c_str(), O_RDONLY), "", AT_EMPTY_PATH); });
  in_child([] { execute_at(open(in_folder("script").c_str(), O_RDONLY | O_CLOEXEC), "", AT_EMPTY_PATH); });
  in_child([] { execute_at(open(folder.c_str(), O_RDONLY | O_DIRECTORY), "probe", 0); });
  in_child([] { execute_at(open(folder.c_str(), O_PATH | O_CLOEXEC), "probe", 0); });
  in_child([] { execute_at(open(folder.c_str(), O_PATH | O_CLOEXEC), "script", 0); });
  in_child([] { execute_at(-1, in_folder("probe").c_str(), 0); });
  in_child([] { execute_at(AT_FDCWD, in_folder("link").c_str(), AT_SYMLINK_NOFOLLOW); });
  in_child([] { execute_at(55, "probe", 0); });
  in_child([] { execute_at(AT_FDCWD, "", 0); });
  in_child([] { execute_at(AT_FDCWD, in_folder("probe").c_str(), 0x40000000); });
}

void failures() {
  for (const char* name : {"nothing", "not-executable", "plain-text", "empty", "no-interpreter", "loop",
                           "probe/x", "cut-short", "script-loop", "bad-loader", "", ".", "other-machine"})
    in_child([name] { execute(in_folder(name)); });
  in_child([] { execute(std::string(5000, 'x')); });
  in_child([] { execute(folder + "/" + std::string(300, 'x')); });
  in_child([] { execute(in_folder("probe"), {"probe", std::string(200000, 'x').c_str()}); });
  in_child([] { execute(in_folder("probe"), std::vector<const char*>(2000000, "words")); });
  auto* unreadable = static_cast<char*>(mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  in_child([=] { syscall(SYS_execve, unreadable, nullptr, nullptr), tell_error("path"); });
  in_child(
      [=] { syscall(SYS_execve, in_folder("probe").c_str(), unreadable, nullptr), tell_error("words"); });
  in_child(
      [=] { syscall(SYS_execve, in_folder("probe").c_str(), nullptr, unreadable), tell_error("environ"); });
  // A word that cannot be read.
  in_child([=] { execute(in_folder("probe"), {"probe", unreadable}); });
}

void inherited() {
  signal(SIGUSR1, SIG_IGN);
  signal(SIGUSR2, [](int) {});
  signal(SIGSEGV, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGUSR2, SIGSEGV, SIGRTMIN + 3}) sigaddset(&set, number);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  raise(SIGTERM);
  open("/dev/null", O_RDONLY);
  open("/dev/zero", O_RDONLY | O_CLOEXEC);
  dup2(1, 77);
  rlimit limit{64, 64};
  in_child([] { execute(in_folder("probe")); });
  setrlimit(RLIMIT_NOFILE, &limit);
  execute(in_folder("probe"));
}

void words() {
  in_child([] { execute(in_folder("probe"), {"another name"}); });
  in_child([] { execute(in_folder("probe"), {""}); });
  in_child([] { execute(in_folder("probe"), {}); });
  in_child([] { syscall(SYS_execve, in_folder("probe").c_str(), nullptr, nullptr); });
  in_child([] { execute(in_folder("probe"), std::vector<const char*>(20000, "words")); });
  in_child([] { execute(in_folder("script"), {"ignored", "a b", ""}); });
  in_child([] { execute(in_folder("script-of-script"), {"ignored", "c"}); });
  in_child([] { execute(in_folder("link")); });
  in_child([] { chdir(folder.c_str()), execute("probe"); });
  in_child([] { chdir(folder.c_str()), execute("./script"); });
}

void spawn() {
  for (const char* name : {"probe", "nothing", "plain-text"}) {
    const std::string path = in_folder(name);
    const char* arguments[] = {"spawned", "x", nullptr};
    pid_t child = 0;
    fflush(stdout);
    const int error =
        posix_spawn(&child, path.c_str(), nullptr, nullptr, const_cast<char**>(arguments), environ);
    printf("posix_spawn %s\n", error ? strerrorname_np(error) : "done");
    int status = 0;
    if (!error) waitpid(child, &status, 0);
    printf("status %x\n", status);
  }
  volatile int shared = 1;
  fflush(stdout);
  const pid_t child = vfork();
  if (child == 0) {
    shared = 2;
    const char* arguments[] = {"probe", nullptr};
    execve(in_folder("nothing").c_str(), const_cast<char**>(arguments), environ);
    shared = errno;
    execve(in_folder("probe").c_str(), const_cast<char**>(arguments), environ);
    _exit(9);
  }
  int status = 0;
  waitpid(child, &status, 0);
  printf("shared %d status %x\n", shared, status);
}

void in_thread() {
  in_child([] {
    pthread_t threads[3];
    for (int i = 0; i < 2; i++)
      pthread_create(
          &threads[i], nullptr, [](void*) -> void* { return pause(), nullptr; }, nullptr);
    pthread_create(
        &threads[2], nullptr, [](void*) -> void* { return execute(in_folder("probe")), nullptr; }, nullptr);
    pause();
  });
}

void many() {
  for (int i = 0; i < 30; i++) {
    const pid_t child = vfork();
    if (child == 0) {
      const char* arguments[] = {"true", nullptr};
      execve("/bin/true", const_cast<char**>(arguments), environ);
      _exit(1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    if (status) printf("turn %d status %x\n", i, status);
  }
  // One after the other in one process.
  const char* rest = getenv("TURNS");
  const int turns = rest ? atoi(rest) : 20;
  printf("%d\n", turns);
  if (turns == 0) return;
  setenv("TURNS", std::to_string(turns - 1).c_str(), 1);
  execute("/proc/self/exe", {"exec_driver", "many-more", folder.c_str()});
}

void many_more() {
  const int turns = atoi(getenv("TURNS"));
  if (turns == 0) return execute(in_folder("probe"));
  setenv("TURNS", std::to_string(turns - 1).c_str(), 1);
  execute("/proc/self/exe", {"exec_driver", "many-more", folder.c_str()});
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, void (*)()> cases = {{"by-descriptor", by_descriptor},
                                                   {"failures", failures},
                                                   {"inherited", inherited},
                                                   {"words", words},
                                                   {"spawn", spawn},
                                                   {"in-thread", in_thread},
                                                   {"many", many},
                                                   {"many-more", many_more}};
  if (argc != 3 || !cases.count(argv[1])) return 2;
  folder = argv[2];
  cases.at(argv[1])();
  fflush(stdout);
  return 0;
}
