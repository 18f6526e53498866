#include "command/dispatch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>

#include "base/fd.h"

namespace isotach::command {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Commands that keep what they were called with, and a context whose output can be read.
class Dispatch : public ::testing::Test {
 protected:
  Dispatch() {
    CommandSpec overview = make("");
    overview.options = {{"--json", 'J', "", "", "output"}};
    CommandSpec vm = make("vm");
    vm.options = {{"--json", 'J', "", "", "output"}, {"--human", 'h', "", "", "output"}};
    vm.positionals = {{"DELAY", ""}};
    vm.takes_command = true;
    CommandSpec hidden = make("generate");
    hidden.hidden = true;
    commands_ = {overview, vm, make("replay"), hidden};
  }

  CommandSpec make(const std::string& name) {
    CommandSpec spec;
    spec.name = name;
    spec.summary = "summary of " + name;
    spec.run = [this](Context& context, const Arguments& arguments) {
      ran_ = context.command_name;
      color_ = context.color;
      arguments_ = arguments;
      return 7;
    };
    return spec;
  }

  int run(std::vector<std::string> words, bool terminal = false) {
    int out_pipe[2];
    int err_pipe[2];
    EXPECT_EQ(::pipe(out_pipe), 0);
    EXPECT_EQ(::pipe(err_pipe), 0);
    int code = 0;
    {
      Fd out_end(out_pipe[1]);
      Fd err_end(err_pipe[1]);
      Output out(out_end.get());
      Output err(err_end.get());
      SignalWaiter waiter;
      ManualClock clock;
      Context context{out, err, waiter, clock, terminal, false, false, {}, false};
      code = dispatch(context, commands_, std::move(words));
      out.flush();
      err.flush();
    }
    out_ = drain(out_pipe[0]);
    err_ = drain(err_pipe[0]);
    return code;
  }

  static std::string drain(int fd) {
    const Fd end(fd);
    std::string text;
    char chunk[4096];
    for (ssize_t got = 0; (got = ::read(fd, chunk, sizeof chunk)) > 0;)
      text.append(chunk, static_cast<std::size_t>(got));
    return text;
  }

  std::vector<CommandSpec> commands_;
  std::optional<std::string> ran_;
  bool color_ = false;
  Arguments arguments_;
  std::string out_;
  std::string err_;
};

TEST_F(Dispatch, WithoutACommandTheNamelessOneRuns) {
  EXPECT_EQ(run({}), 7);
  EXPECT_EQ(ran_, "");
  EXPECT_EQ(run({"--json"}), 7);
  EXPECT_TRUE(arguments_.has("--json"));
}

TEST_F(Dispatch, TheFirstWordNamesTheCommand) {
  EXPECT_EQ(run({"vm", "5", "--", "vm"}), 7);
  EXPECT_EQ(ran_, "vm");
  EXPECT_THAT(arguments_.positionals(), ElementsAre("5"));
  EXPECT_THAT(arguments_.command(), ElementsAre("vm"));
  EXPECT_EQ(run({"generate"}), 7) << "hidden commands work";
}

TEST_F(Dispatch, UnknownCommandsGetASuggestion) {
  EXPECT_EQ(run({"repaly"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("isotach: unknown command 'repaly'\n  did you mean: isotach replay?\n"));
  EXPECT_EQ(run({"generat"}), kExitUsage);
  EXPECT_EQ(err_.find("did you mean"), std::string::npos) << "hidden commands are not suggested";
  EXPECT_EQ(run({""}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("unknown command ''"));
  EXPECT_EQ(run({std::string(1000000, 'x')}), kExitUsage);
  EXPECT_FALSE(ran_);
}

TEST_F(Dispatch, OptionsBeforeACommandAreExplained) {
  EXPECT_EQ(run({"--json", "vm"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("options stand behind the command: isotach vm ..."));
}

TEST_F(Dispatch, HelpGoesToTheOutput) {
  EXPECT_EQ(run({"--help"}), kExitOk);
  EXPECT_THAT(out_, StartsWith("isotach - "));
  EXPECT_EQ(run({"-h"}), kExitOk);
  EXPECT_EQ(run({"vm", "--nonsense", "--help"}), kExitOk);
  EXPECT_THAT(out_, StartsWith("isotach vm - summary of vm\n"));
  EXPECT_EQ(run({"replay", "-h"}), kExitOk);
  EXPECT_THAT(err_, IsEmpty());
  EXPECT_FALSE(ran_);
}

TEST_F(Dispatch, ALetterOfTheCommandIsNotHelp) {
  EXPECT_EQ(run({"vm", "-h"}), 7);
  EXPECT_TRUE(arguments_.has("--human"));
}

TEST_F(Dispatch, WordsOfAProgramAreNotOurs) {
  EXPECT_EQ(run({"vm", "--", "ls", "--help", "--color", "never", "--version"}), 7);
  EXPECT_THAT(arguments_.command(), ElementsAre("ls", "--help", "--color", "never", "--version"));
}

TEST_F(Dispatch, VersionIsPrinted) {
  for (const char* word : {"--version", "-V"}) {
    EXPECT_EQ(run({word}), kExitOk);
    EXPECT_THAT(out_, StartsWith("isotach "));
    EXPECT_EQ(run({"vm", word}), kExitOk);
  }
}

TEST_F(Dispatch, ErrorsAreObjectsWhereJsonWasAskedFor) {
  EXPECT_EQ(run({"vm", "--json", "--nonsense"}), kExitUsage);
  EXPECT_EQ(out_,
            "{\"schema\":\"isotach.error.v1\",\"error\":\"unknown option --nonsense\",\"remedy\":\"\","
            "\"exit_code\":2}\n");
  EXPECT_THAT(err_, StartsWith("isotach vm: unknown option --nonsense\n"));
  for (const auto& words : {std::vector<std::string>{"nosuch", "--json-stream"},
                            {"vm", "-J", "a", "b"},
                            {"vm", "--json", "--color"}}) {
    EXPECT_EQ(run(words), kExitUsage);
    EXPECT_THAT(out_, StartsWith("{\"schema\":\"isotach.error.v1\""));
  }
  EXPECT_EQ(run({"vm", "--nonsense"}), kExitUsage);
  EXPECT_THAT(out_, IsEmpty());
}

TEST_F(Dispatch, ColorIsTakenOutAndDecided) {
  ::setenv("TERM", "xterm", 1);
  ::unsetenv("NO_COLOR");
  EXPECT_EQ(run({"vm"}, true), 7);
  EXPECT_TRUE(color_);
  EXPECT_EQ(run({"vm"}, false), 7);
  EXPECT_FALSE(color_);
  EXPECT_EQ(run({"--color=always"}, false), 7);
  EXPECT_TRUE(color_);
  EXPECT_EQ(run({"--color", "never", "vm", "5"}, true), 7);
  EXPECT_EQ(ran_, "vm");
  EXPECT_FALSE(color_);
}

TEST_F(Dispatch, TheEnvironmentMayForbidColor) {
  ::setenv("TERM", "xterm", 1);
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(wants_color("auto", true));
  EXPECT_TRUE(wants_color("always", true)) << "what was asked for on the command line wins";
  ::setenv("NO_COLOR", "", 1);
  EXPECT_TRUE(wants_color("auto", true)) << "empty means unset";
  ::unsetenv("NO_COLOR");
  for (const char* term : {"dumb", ""}) {
    ::setenv("TERM", term, 1);
    EXPECT_FALSE(wants_color("auto", true)) << term;
  }
}

TEST_F(Dispatch, WrongColorsAreUsageErrors) {
  EXPECT_EQ(run({"--color=sometimes"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("'sometimes' is no value for --color\n  choose one of: always, never, auto"));
  EXPECT_EQ(run({"vm", "--color"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("--color needs a value"));
}

TEST_F(Dispatch, NamesFromOutsideCannotActOnTheTerminal) {
  EXPECT_EQ(run({"\x1b[2J"}), kExitUsage);
  EXPECT_EQ(err_.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace isotach::command
