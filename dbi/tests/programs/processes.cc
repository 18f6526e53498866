// fork, vfork, exec and posix_spawn, alone, in storms and with other threads around; pipes and exit codes.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <atomic>
#include <string>
#include <thread>

#include "case.h"
#include "signal_tools.h"

namespace {

extern "C" char** environ;

int exit_code_of(pid_t child) {
  int status = 0;
  pid_t got;
  while ((got = waitpid(child, &status, 0)) < 0 && errno == EINTR) {
  }
  return got != child ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

CASE(fork_copies) {
  static int value;
  value = 1;
  pid_t child = fork();
  if (child == 0) {
    value = 2;
    _exit(value + (getppid() > 1 ? 10 : 0));
  }
  EXPECT_EQ(exit_code_of(child), 12);
  EXPECT_EQ(value, 1);
}

CASE(fork_storm) {
  for (int i = 0; i < 200; ++i) {
    pid_t child = fork();
    if (child == 0) _exit(i & 0x7f);
    EXPECT_EQ(exit_code_of(child), i & 0x7f);
  }
}

CASE(fork_at_depth) {
  // A child of a child of a child, each of which translates something new.
  int depth = 0;
  pid_t child = 1;
  while (depth < 12 && (child = fork()) == 0) ++depth;
  if (depth == 12) _exit(12);
  const int code = exit_code_of(child);
  if (depth > 0) _exit(code == 12 ? 12 : 99);
  EXPECT_EQ(code, 12);
}

CASE(vfork_shares) {
  static volatile int value;
  value = 1;
  pid_t child = vfork();
  if (child == 0) {
    value = 2;
    _exit(3);
  }
  EXPECT_EQ(exit_code_of(child), 3);
  // Linux shares the memory; an engine that makes a fork of it leaves 1.
  EXPECT(value == 1 || value == 2);
}

__attribute__((noinline)) pid_t vfork_exec(const char* path, char* const* arguments) {
  pid_t child = vfork();
  if (child == 0) {
    execv(path, arguments);
    _exit(127);
  }
  return child;
}

CASE(vfork_and_exec) {
  char name[] = "sh", option[] = "-c", script[] = "exit 5";
  char* arguments[] = {name, option, script, nullptr};
  EXPECT_EQ(exit_code_of(vfork_exec("/bin/sh", arguments)), 5);
  EXPECT_EQ(exit_code_of(vfork_exec("/no/such/program", arguments)), 127);
}

CASE(vfork_storm) {
  char name[] = "true";
  char* arguments[] = {name, nullptr};
  const char* rounds = getenv("STORM");
  const int count = rounds != nullptr ? atoi(rounds) : 100;
  for (int i = 0; i < count; ++i) EXPECT_EQ(exit_code_of(vfork_exec("/bin/true", arguments)), 0);
}

CASE(spawn) {
  char name[] = "sh", option[] = "-c", script[] = "read line; echo got $line; exit 6";
  char* arguments[] = {name, option, script, nullptr};
  int in[2], out[2];
  EXPECT_EQ(pipe(in), 0);
  EXPECT_EQ(pipe(out), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_addclose(&actions, in[1]);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  pid_t child = 0;
  EXPECT_EQ(posix_spawn(&child, "/bin/sh", &actions, &attributes, arguments, environ), 0);
  EXPECT_EQ(write(in[1], "hello\n", 6), 6);
  char text[32] = {};
  EXPECT_EQ(read(out[0], text, sizeof text - 1), 10);
  EXPECT_EQ(strcmp(text, "got hello\n"), 0);
  EXPECT_EQ(exit_code_of(child), 6);
  for (int file : {in[0], in[1], out[0], out[1]}) close(file);
}

CASE(spawn_of_what_is_not_there) {
  // The failure of exec in the child must come back as the result of posix_spawn.
  char name[] = "x";
  char* arguments[] = {name, nullptr};
  pid_t child = 0;
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(posix_spawn(&child, "/no/such/program", nullptr, nullptr, arguments, environ), ENOENT);
    EXPECT_EQ(posix_spawn(&child, "/etc/passwd", nullptr, nullptr, arguments, environ), EACCES);
    EXPECT_EQ(posix_spawnp(&child, "no-such-program", nullptr, nullptr, arguments, environ), ENOENT);
  }
}

CASE(exec_errors) {
  char name[] = "x";
  char* arguments[] = {name, nullptr};
  EXPECT_EQ(execv("/no/such/program", arguments), -1);
  EXPECT_EQ(errno, ENOENT);
  EXPECT_EQ(execv("/etc/passwd", arguments), -1);
  EXPECT_EQ(errno, EACCES);
  EXPECT_EQ(execv("/tmp", arguments), -1);
  EXPECT_EQ(errno, EACCES);
  EXPECT_EQ(syscall(SYS_execve, 16, arguments, environ), -1);
  EXPECT_EQ(errno, EFAULT);
  EXPECT_EQ(syscall(SYS_execve, "/bin/true", 16, environ), -1);
  EXPECT_EQ(errno, EFAULT);
  char path[] = "/tmp/not-a-program-XXXXXX";
  int file = mkstemp(path);
  EXPECT_EQ(write(file, "garbage", 7), 7);
  fchmod(file, 0755);
  close(file);
  EXPECT_EQ(execv(path, arguments), -1);
  EXPECT_EQ(errno, ENOEXEC);
  unlink(path);
}

CASE(exec_keeps_what_it_should) {
  // Pid, blocked and ignored signals, open files without close-on-exec, the working folder, the environment.
  pid_t child = fork();
  if (child == 0) {
    signal(SIGHUP, SIG_IGN);
    test::block(SIGUSR1);
    int kept = open("/dev/null", O_RDONLY);
    int closed = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)!chdir("/usr");
    setenv("MARK", "yes no", 1);
    char pid[20];
    snprintf(pid, sizeof pid, "%d", getpid());
    char kept_text[20], closed_text[20];
    snprintf(kept_text, sizeof kept_text, "/proc/self/fd/%d", kept);
    snprintf(closed_text, sizeof closed_text, "/proc/self/fd/%d", closed);
    execl("/bin/sh", "sh", "-c",
          "[ $$ = $0 ] || exit 1; [ -e $1 ] || exit 2; [ ! -e $2 ] || exit 3; [ \"$PWD\" = /usr ] || exit 4;"
          "[ \"$MARK\" = 'yes no' ] || exit 5;"
          "grep -q '^SigIgn:.*[13579bdf]$' /proc/$$/status || exit 7; exit 42",
          pid, kept_text, closed_text, static_cast<char*>(nullptr));
    _exit(127);
  }
  EXPECT_EQ(exit_code_of(child), 42);
  child = fork();
  if (child == 0) {
    test::block(SIGUSR1);
    execl("/bin/grep", "grep", "-q", "^SigBlk:.*[2367abef]..$", "/proc/self/status",
          static_cast<char*>(nullptr));
    _exit(127);
  }
  EXPECT_EQ(exit_code_of(child), 0);
}

CASE(exec_with_other_threads) {
  // All other threads end; the new program has the process's number even when another thread called exec.
  for (int i = 0; i < 5; ++i) {
    pid_t child = fork();
    if (child == 0) {
      std::thread([] {
        for (volatile int x = 1;;) x = x * 3;
      }).detach();
      std::thread([] {
        char pid[20];
        snprintf(pid, sizeof pid, "%d", getpid());
        execl("/bin/sh", "sh", "-c", "[ $$ = $0 ] && exit 8; exit 9", pid, static_cast<char*>(nullptr));
      }).join();
      _exit(1);
    }
    EXPECT_EQ(exit_code_of(child), 8);
  }
}

CASE(exec_by_descriptor) {
  pid_t child = fork();
  if (child == 0) {
    int file = open("/bin/true", O_PATH | O_CLOEXEC);
    char name[] = "true";
    char* arguments[] = {name, nullptr};
    fexecve(file, arguments, environ);
    _exit(1);
  }
  EXPECT_EQ(exit_code_of(child), 0);
}

CASE(exec_with_large_arguments) {
  std::string large(100000, 'x');
  pid_t child = fork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", "[ ${#0} = 100000 ] && exit 4", large.c_str(), static_cast<char*>(nullptr));
    _exit(1);
  }
  EXPECT_EQ(exit_code_of(child), 4);
  // No arguments at all: the kernel gives an empty first one.
  child = fork();
  if (child == 0) {
    char* none[] = {nullptr};
    execve("/bin/true", none, none);
    _exit(1);
  }
  EXPECT_EQ(exit_code_of(child), 0);
}

CASE(scripts) {
  char path[] = "/tmp/script-XXXXXX";
  int file = mkstemp(path);
  const char text[] = "#!/bin/sh -e\n[ \"$1\" = a ] && exit 21\nexit 22\n";
  EXPECT_EQ(write(file, text, sizeof text - 1), static_cast<ssize_t>(sizeof text - 1));
  fchmod(file, 0755);
  close(file);
  char argument[] = "a";
  char* arguments[] = {path, argument, nullptr};
  EXPECT_EQ(exit_code_of(vfork_exec(path, arguments)), 21);
  unlink(path);
}

CASE(fork_while_others_run) {
  static std::atomic<bool> stop;
  stop = false;
  std::thread others[3];
  for (std::thread& other : others) {
    other = std::thread([] {
      while (!stop) {
        free(malloc(100));
        volatile int x = 1;
        for (int i = 0; i < 100; ++i) x = x * 3;
      }
    });
  }
  for (int i = 0; i < 60; ++i) {
    pid_t child = fork();
    if (child == 0) {
      // The child has one thread; memory and new code work.
      free(malloc(1000));
      char text[32];
      snprintf(text, sizeof text, "%d %g", i, i * 0.5);
      std::thread([] {}).join();
      _exit(text[0] != 0 ? 17 : 18);
    }
    EXPECT_EQ(exit_code_of(child), 17);
  }
  stop = true;
  for (std::thread& other : others) other.join();
}

CASE(fork_in_other_thread) {
  std::thread([] {
    for (int i = 0; i < 20; ++i) {
      pid_t child = fork();
      if (child == 0) _exit(gettid() == getpid() ? 3 : 4);
      EXPECT_EQ(exit_code_of(child), 3);
    }
  }).join();
}

CASE(atfork_handlers) {
  static int before, parent, in_child;
  pthread_atfork([] { ++before; }, [] { ++parent; }, [] { ++in_child; });
  pid_t child = fork();
  if (child == 0) _exit(before == 1 && in_child == 1 && parent == 0 ? 1 : 2);
  EXPECT_EQ(exit_code_of(child), 1);
  EXPECT_EQ(parent, 1);
}

CASE(system_and_popen) {
  EXPECT_EQ(WEXITSTATUS(system("exit 13")), 13);
  FILE* reader = popen("echo one; echo two", "r");
  char line[16];
  EXPECT(fgets(line, sizeof line, reader) != nullptr && strcmp(line, "one\n") == 0);
  EXPECT(fgets(line, sizeof line, reader) != nullptr && strcmp(line, "two\n") == 0);
  EXPECT_EQ(pclose(reader), 0);
}

CASE(handlers_in_children) {
  // fork keeps handlers and the alternate stack; exec resets them.
  test::install(SIGUSR1, [](int, siginfo_t*, void*) { _exit(44); });
  pid_t child = fork();
  if (child == 0) {
    raise(SIGUSR1);
    _exit(1);
  }
  EXPECT_EQ(exit_code_of(child), 44);
  child = fork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", "kill -USR1 $$; exit 3", static_cast<char*>(nullptr));
    _exit(1);
  }
  EXPECT_EQ(exit_code_of(child), 1000 + SIGUSR1);
}

CASE(killed_child) {
  pid_t child = fork();
  if (child == 0) {
    for (volatile int x = 1;;) x = x * 3;
  }
  kill(child, SIGSTOP);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, WUNTRACED), child);
  EXPECT(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
  kill(child, SIGCONT);
  EXPECT_EQ(waitpid(child, &status, WCONTINUED), child);
  EXPECT(WIFCONTINUED(status));
  kill(child, SIGTERM);
  EXPECT_EQ(exit_code_of(child), 1000 + SIGTERM);
}

}  // namespace

TEST_MAIN()
