// The parts of judge_transfer(): the account of the time, the rules of the path, the words.
#pragma once

#include <string>
#include <vector>

#include "doctor/transfer.h"

namespace isotach::doctor {

// The largest first.
[[nodiscard]] std::vector<CauseShare> shares_of(const network::TransferTrace& trace,
                                                const TransferFacts& facts, const PathFacts& path);
// What holds a sender that has given the kernel all it may: its own buffer, this host, or the path.
[[nodiscard]] Cause judge_held(const TransferFacts& facts, const PathFacts& path);

// Answer, evidence and remedies of a verdict whose cause, shares and facts are there.
void put_in_words(const network::TransferTrace& trace, const PathFacts& path, TransferVerdict& verdict);

}  // namespace isotach::doctor
