#include "kernel/change/transaction.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/text.h"
#include "kernel/attribute.h"
#include "kernel/change/recover.h"

namespace isotach::kernel {
namespace {

// A watchdog that puts back the changes of a command that was killed just now needs a moment.
constexpr std::int64_t kPatienceNs = 10 * kNanosecondsPerSecond;
constexpr int kRetryMs = 50;

// Who holds the journal: its head can be read without the lock.
Error held_by(const std::string& path, const std::string& resource) {
  const auto text = read_file(path);
  const auto content = text ? parse_journal(*text) : std::nullopt;
  if (!content)
    return {ErrorKind::failed, 0, "another isotach is changing the settings of " + resource,
            "wait until it has ended"};
  return {ErrorKind::failed, 0,
          "isotach " + printable(content->command) + " (process " + std::to_string(content->pid) +
              ") is changing the settings of " + resource,
          "wait until it has ended, or end it: kill " + std::to_string(content->pid)};
}

bool holder_lives(const std::string& path) {
  const auto text = read_file(path);
  const auto content = text ? parse_journal(*text) : std::nullopt;
  return content && ::kill(static_cast<pid_t>(content->pid), 0) == 0;
}

Result<Journal> lock_journal(const std::string& resource) {
  const std::string folder = journal_folder();
  const std::string path = folder + '/' + resource + ".journal";
  SystemClock clock;
  const std::int64_t deadline_ns = clock.now().monotonic_ns + kPatienceNs;
  for (;;) {
    auto journal = Journal::open(folder, resource);
    if (!journal) return tl::make_unexpected(std::move(journal.error()));
    if (*journal) return std::move(**journal);
    if (holder_lives(path) || clock.now().monotonic_ns >= deadline_ns)
      return tl::make_unexpected(held_by(path, resource));
    ::poll(nullptr, 0, kRetryMs);
  }
}

}  // namespace

Result<std::unique_ptr<Transaction>> Transaction::begin(TransactionRequest request) {
  std::unique_ptr<Transaction> transaction(new Transaction(std::move(request)));
  if (!transaction->request_.dry_run)
    if (auto opened = transaction->open(); !opened) return tl::make_unexpected(std::move(opened.error()));
  return transaction;
}

Result<void> Transaction::open() {
  auto journal = lock_journal(request_.resource);
  if (!journal) return tl::make_unexpected(std::move(journal.error()));
  // What an earlier command left comes first: its values are not the ones to go back to.
  if (auto left = take_back_abandoned(*journal); left && !left->errors.empty()) {
    Error error = std::move(left->errors.front());
    error.remedy = "what isotach " + left->command + " changed must be put back first: isotach restore";
    return tl::make_unexpected(std::move(error));
  }
  boot_id_ = current_boot_id();
  const std::string head = journal_head(boot_id_, static_cast<unsigned>(::getpid()), request_.command);
  if (auto written = journal->write(head, {}); !written) {
    journal->remove();
    return written;
  }
  auto watchdog = start_watchdog(*journal);
  if (!watchdog) {
    journal->remove();
    return tl::make_unexpected(std::move(watchdog.error()));
  }
  journal_ = std::move(*journal);
  watchdog_ = std::move(*watchdog);
  return {};
}

Transaction::~Transaction() {
  static_cast<void>(put_back());
}

Result<void> Transaction::change(std::string what, std::vector<UndoStep> undo,
                                 const std::function<Result<void>()>& perform) {
  if (!request_.dry_run) {
    CHECK(journal_);
    if (auto remembered = journal_->append(undo); !remembered) return remembered;
  }
  undo_.insert(undo_.end(), undo.begin(), undo.end());
  if (!request_.dry_run)
    if (auto performed = perform(); !performed) return performed;
  done_.push_back(std::move(what));
  return {};
}

std::vector<std::string> Transaction::to_put_back() const {
  std::vector<std::string> steps;
  for (auto step = undo_.rbegin(); step != undo_.rend(); ++step) steps.push_back(describe(*step));
  return steps;
}

Result<void> Transaction::keep() {
  if (!journal_) return {};
  if (auto written = journal_->append_kept(when_kept_); !written) return written;
  undo_.clear();
  return finish(when_kept_);
}

Result<void> Transaction::put_back() {
  if (!journal_) return {};
  return finish(undo_);
}

Result<void> Transaction::finish(std::vector<UndoStep>& steps) {
  std::vector<std::string> done;
  std::vector<Error> errors;
  take_back_all(steps, done, errors);
  if (steps.empty()) {
    journal_->remove();
  } else {
    const std::string head = journal_head(boot_id_, static_cast<unsigned>(::getpid()), request_.command);
    static_cast<void>(journal_->write(head, steps));
  }
  release_watchdog(watchdog_);
  journal_.reset();
  if (errors.empty()) return {};
  Error error = std::move(errors.front());
  if (error.remedy.empty()) error.remedy = "mend that, then: isotach restore";
  return tl::make_unexpected(std::move(error));
}

Result<void> change_attribute(Transaction& transaction, const std::string& path, const std::string& value) {
  auto undo = undo_attribute(path);
  if (!undo) return tl::make_unexpected(std::move(undo.error()));
  const std::string now = undo->fields[1];
  if (now == value) return {};
  return transaction.change("write " + value + " to " + path + " (now " + now + ")", {std::move(*undo)},
                            [&] { return write_attribute(path, value); });
}

}  // namespace isotach::kernel
