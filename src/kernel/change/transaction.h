// Changing the machine so that it can be put back, whatever happens.
//
// A command begins a transaction and makes every change through it. Before a change is made, the step
// that takes it back is in the journal, on disk. The changes are taken back, newest first, when the
// transaction is put back or dropped without keep(); when the process is killed (a watchdog process,
// which holds nothing else, sees its pipe close); and when the watchdog was killed too, by the next
// start of isotach (recover.h).
//
// One transaction a resource at a time, on the whole machine: two commands that changed the settings
// of KSM in turns would put back each other's values.
//
// Thread rules: begin() forks, so it is called before any thread is started; one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "kernel/change/journal.h"
#include "kernel/change/undo.h"
#include "kernel/change/watchdog.h"

namespace isotach::kernel {

struct TransactionRequest {
  std::string command;   // "ksm demo": who is named when another one has to wait
  std::string resource;  // "ksm", "swap": a word of small letters
  bool dry_run = false;  // changes are described, not made; needs no rights
};

class Transaction {
 public:
  // Fails with not_permitted where the folder of journals cannot be written, and with failed where
  // another process holds the resource (after waiting a moment for one that is putting back).
  [[nodiscard]] static Result<std::unique_ptr<Transaction>> begin(TransactionRequest request);
  ~Transaction();  // puts back what was not kept
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Makes one change: writes `undo` to the journal (several steps are carried out in reverse order),
  // then calls `perform`. `what` says it to people: "write 1000 to /sys/.../pages_to_scan (now 100)".
  // In a dry run it is only remembered. When `perform` fails, the steps stay in the journal: what was
  // half done is put back with the rest.
  [[nodiscard]] Result<void> change(std::string what, std::vector<UndoStep> undo,
                                    const std::function<Result<void>()>& perform);

  [[nodiscard]] bool is_dry_run() const { return request_.dry_run; }
  // What was done, or would be, in order.
  [[nodiscard]] const std::vector<std::string>& done() const { return done_; }
  // What putting back would do, newest first.
  [[nodiscard]] std::vector<std::string> to_put_back() const;

  // What is left to be done once the changes are kept, such as removing what was put aside: as sure to be
  // done as putting back is, whoever is killed meanwhile.
  void when_kept(UndoStep step) { when_kept_.push_back(std::move(step)); }
  // All changes stay. The transaction is over. Fails with what of when_kept() could not be done; that stays
  // in the journal for `isotach restore`.
  [[nodiscard]] Result<void> keep();
  // Takes all changes back, newest first; goes on after one that fails. Fails with all that could not
  // be put back; those stay in the journal for `isotach restore`. The transaction is over.
  [[nodiscard]] Result<void> put_back();

 private:
  explicit Transaction(TransactionRequest request) : request_(std::move(request)) {}
  [[nodiscard]] Result<void> open();

  TransactionRequest request_;
  std::string boot_id_;
  std::optional<Journal> journal_;  // while the transaction is open; not in a dry run
  Watchdog watchdog_;
  [[nodiscard]] Result<void> finish(std::vector<UndoStep>& steps);

  std::vector<UndoStep> undo_;
  std::vector<UndoStep> when_kept_;
  std::vector<std::string> done_;
};

// The plain change: writes `value` to a file of /sys or /proc, and back. Does nothing when the file
// holds `value` already.
[[nodiscard]] Result<void> change_attribute(Transaction& transaction, const std::string& path,
                                            const std::string& value);

}  // namespace isotach::kernel
