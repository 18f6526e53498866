#include "kernel/change/transaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "base/fd.h"
#include "kernel/change/recover.h"

namespace isotach::kernel {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kPatienceNs = 30 * kNanosecondsPerSecond;

class Transactions : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "changes-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    ::setenv("ISOTACH_STATE", (folder_ + "/state").c_str(), 1);
    write("value", "old");
    write("second", "old");
  }
  void TearDown() override {
    ::unsetenv("ISOTACH_STATE");
    std::filesystem::remove_all(folder_);
  }

  std::string path(const std::string& name) const { return folder_ + '/' + name; }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }
  std::string content(const std::string& name) const { return read_file(path(name)).value_or("(none)"); }
  static std::unique_ptr<Transaction> begin(bool dry_run = false) {
    auto begun = Transaction::begin({"test command", "test", dry_run});
    EXPECT_TRUE(begun) << begun.error().message();
    return begun ? std::move(*begun) : nullptr;
  }
  // Changes both files and is killed; returns the number of its watchdog.
  pid_t killed_command(bool watchdog_too) const;
  bool comes_true(const std::function<bool()>& condition) const {
    SystemClock clock;
    const std::int64_t end_ns = clock.now().monotonic_ns + kPatienceNs;
    while (!condition())
      if (clock.now().monotonic_ns > end_ns) return false;
    return true;
  }

  std::string folder_;
};

pid_t children_watchdog(pid_t parent) {
  const std::string pid = std::to_string(parent);
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto stat = read_file(entry.path().string() + "/stat", 4096);
    if (stat && stat->find("(isotach-watch) ") != std::string::npos &&
        stat->find(") S " + pid + " ") != std::string::npos)
      return std::stoi(entry.path().filename().string());
  }
  return -1;
}

pid_t Transactions::killed_command(bool watchdog_too) const {
  const pid_t child = ::fork();
  if (child == 0) {
    auto transaction = begin();
    if (!change_attribute(*transaction, path("value"), "new")) ::_exit(1);
    if (!change_attribute(*transaction, path("second"), "new")) ::_exit(1);
    write("ready", "");
    for (;;) ::pause();
  }
  pid_t watchdog = -1;
  EXPECT_TRUE(comes_true([&] {
    if (!std::filesystem::exists(path("ready"))) return false;
    watchdog = children_watchdog(child);
    return watchdog > 0;
  }));
  EXPECT_EQ(content("value"), "new");
  if (watchdog_too) ::kill(watchdog, SIGKILL);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  // Its lock ends when it has ended.
  const auto unlocked = [] {
    const auto journal = Journal::open_existing(journal_folder() + "/test.journal");
    return journal && journal->has_value();
  };
  if (watchdog_too) {
    EXPECT_TRUE(comes_true(unlocked));
  }
  return watchdog;
}

TEST_F(Transactions, PutBackNewestFirst) {
  auto transaction = begin();
  ASSERT_TRUE(change_attribute(*transaction, path("value"), "one"));
  ASSERT_TRUE(change_attribute(*transaction, path("value"), "two"));
  EXPECT_EQ(content("value"), "two");
  EXPECT_EQ(transaction->done().size(), 2U);
  ASSERT_TRUE(transaction->put_back());
  EXPECT_EQ(content("value"), "old");
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/state")) << "no trace of it is left";
}

TEST_F(Transactions, PutBackWhenDropped) {
  {
    auto transaction = begin();
    ASSERT_TRUE(change_attribute(*transaction, path("value"), "new"));
  }
  EXPECT_EQ(content("value"), "old");
}

TEST_F(Transactions, KeptWhenAsked) {
  {
    auto transaction = begin();
    ASSERT_TRUE(change_attribute(*transaction, path("value"), "new"));
    ASSERT_TRUE(transaction->keep());
  }
  EXPECT_EQ(content("value"), "new");
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/state"));
}

TEST_F(Transactions, WhatIsLeftToDoWhenKeptIsDone) {
  write("aside", "not needed any more");
  struct stat status {};
  ASSERT_EQ(::stat(path("aside").c_str(), &status), 0);
  {
    auto transaction = begin();
    ASSERT_TRUE(change_attribute(*transaction, path("value"), "new"));
    transaction->when_kept(undo_created_file(path("aside"), status.st_dev, status.st_ino));
    ASSERT_TRUE(transaction->keep());
  }
  EXPECT_EQ(content("value"), "new");
  EXPECT_FALSE(std::filesystem::exists(path("aside")));
  EXPECT_FALSE(std::filesystem::exists(path("state")));
  write("aside", "needed");
  {
    auto transaction = begin();
    transaction->when_kept(undo_created_file(path("aside"), status.st_dev, status.st_ino));
  }
  EXPECT_EQ(content("aside"), "needed") << "it was not kept";
}

TEST_F(Transactions, ADryRunOnlyTells) {
  auto transaction = begin(true);
  ASSERT_TRUE(change_attribute(*transaction, path("value"), "new"));
  EXPECT_EQ(content("value"), "old");
  ASSERT_EQ(transaction->done().size(), 1U);
  EXPECT_THAT(transaction->done()[0], HasSubstr("write new to"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/state"));
}

TEST_F(Transactions, WhatHoldsTheValueAlreadyIsNoChange) {
  auto transaction = begin();
  ASSERT_TRUE(change_attribute(*transaction, path("value"), "old"));
  EXPECT_TRUE(transaction->done().empty());
}

TEST_F(Transactions, AFailedChangeIsPutBackWithTheRest) {
  auto transaction = begin();
  ASSERT_TRUE(change_attribute(*transaction, path("value"), "new"));
  auto undo = undo_attribute(path("second"));
  ASSERT_TRUE(undo);
  const auto failed = transaction->change("half", {*undo}, [&]() -> Result<void> {
    write("second", "half");
    return failure(ErrorKind::failed, "broke in the middle");
  });
  EXPECT_FALSE(failed);
  ASSERT_TRUE(transaction->put_back());
  EXPECT_EQ(content("second"), "old");
  EXPECT_EQ(content("value"), "old");
}

TEST_F(Transactions, OneAtATime) {
  auto first = begin();
  const auto second = Transaction::begin({"other", "test", false});
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message(), HasSubstr("isotach test command (process"));
  const auto other_resource = Transaction::begin({"other", "other", false});
  EXPECT_TRUE(other_resource);
}

TEST_F(Transactions, TheWatchdogPutsBackAfterAKill) {
  killed_command(false);
  EXPECT_TRUE(comes_true([&] { return content("value") == "old" && content("second") == "old"; }));
  EXPECT_TRUE(comes_true([&] { return !std::filesystem::exists(folder_ + "/state"); }));
}

TEST_F(Transactions, TheNextStartPutsBackWhenTheWatchdogWasKilledToo) {
  killed_command(true);
  EXPECT_EQ(content("value"), "new");
  const auto journals = open_journals();
  ASSERT_TRUE(journals);
  ASSERT_EQ(journals->size(), 1U);
  EXPECT_FALSE(journals->front().running);
  EXPECT_EQ(journals->front().content.command, "test command");

  const auto recovered = recover_abandoned();
  ASSERT_EQ(recovered.size(), 1U);
  EXPECT_EQ(recovered[0].steps.size(), 2U);
  EXPECT_TRUE(recovered[0].errors.empty());
  EXPECT_EQ(content("value"), "old");
  EXPECT_EQ(content("second"), "old");
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/state"));
  EXPECT_TRUE(recover_abandoned().empty());
}

TEST_F(Transactions, TheNextTransactionPutsBackFirst) {
  killed_command(true);
  auto transaction = begin();
  EXPECT_EQ(content("value"), "old") << "its own values to go back to are the first ones";
}

TEST_F(Transactions, ARunningCommandsJournalIsLeftAlone) {
  auto transaction = begin();
  ASSERT_TRUE(change_attribute(*transaction, path("value"), "new"));
  EXPECT_TRUE(recover_abandoned().empty());
  EXPECT_EQ(content("value"), "new");
  const auto journals = open_journals();
  ASSERT_TRUE(journals && journals->size() == 1);
  EXPECT_TRUE(journals->front().running);
  EXPECT_FALSE(forget_journal(journals->front().path));
}

TEST_F(Transactions, AfterARestartOnlyWhatOutlivesItIsPutBack) {
  write("aside", "file");
  std::filesystem::create_directories(journal_folder());
  std::ofstream(journal_folder() + "/test.journal")
      << journal_head("another-boot", 1, "swap create")
      << write_step({UndoKind::attribute, {path("value"), "stale"}}) << '\n'
      << write_step(undo_moved_file(path("name"), path("aside"))) << '\n'
      << "swap-on /half-writ";
  const auto recovered = recover_abandoned();
  ASSERT_EQ(recovered.size(), 1U);
  EXPECT_EQ(recovered[0].steps.size(), 1U);
  EXPECT_EQ(content("name"), "file");
  EXPECT_EQ(content("value"), "old");
}

TEST_F(Transactions, AJournalThatOthersMayWriteIsNotObeyed) {
  std::filesystem::create_directories(journal_folder());
  const std::string journal = journal_folder() + "/test.journal";
  std::ofstream(journal) << journal_head("", 1, "planted")
                         << write_step({UndoKind::attribute, {path("value"), "planted"}}) << '\n';
  std::filesystem::permissions(journal, std::filesystem::perms(0666));
  EXPECT_TRUE(recover_abandoned().empty());
  EXPECT_EQ(content("value"), "old");
  EXPECT_FALSE(Transaction::begin({"other", "test", false}));
}

TEST(JournalText, WhatIsKeptIsNotTakenBack) {
  const std::string head = journal_head("boot", 1, "test");
  const UndoStep first = undo_moved_file("/a", "/b"), last = undo_created_file("/b", 1, 2);
  const auto content = parse_journal(head + write_step(first) + "\nkept\n" + write_step(last) + '\n');
  ASSERT_TRUE(content);
  EXPECT_THAT(content->steps, testing::ElementsAre(last));
  EXPECT_EQ(content->unreadable_lines, 0u);
}

TEST(JournalText, RefusesWhatIsNoJournal) {
  for (const char* text : {"", "\n", "isotach-changes 1 a 2 b", "isotach-changes 2 a 2 b\n", "ELF\n\n"})
    EXPECT_FALSE(parse_journal(text)) << text;
  const auto content = parse_journal(journal_head("", 7, "ksm demo") + "rubbish\nswap-on /a\n");
  ASSERT_TRUE(content);
  EXPECT_EQ(content->pid, 7U);
  EXPECT_EQ(content->command, "ksm demo");
  EXPECT_EQ(content->steps.size(), 1U);
  EXPECT_EQ(content->unreadable_lines, 1U);
}

}  // namespace
}  // namespace isotach::kernel
