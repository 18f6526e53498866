#include "memory/ksm/explain.h"

namespace isotach::memory {
namespace {

constexpr KsmExplanation kExplanations[] = {
    {"run", "0: stopped, merged pages stay merged; 1: scanning and merging; 2: all merged pages taken apart"},
    {"pages_to_scan", "pages that ksmd looks at before it sleeps"},
    {"sleep_millisecs", "how long it sleeps then"},
    {"max_page_sharing", "how many pages one page in memory may stand for, before a second copy is kept"},
    {"merge_across_nodes", "1: pages of different NUMA nodes are merged too"},
    {"use_zero_pages", "1: empty pages are replaced by the kernel's zero page"},
    {"smart_scan", "1: pages that could not be merged lately are skipped for some scans"},
    {"advisor_mode", "scan-time: the kernel chooses pages_to_scan by itself; none: it is set by hand"},
    {"advisor_target_scan_time", "seconds that a full scan should take, with the advisor"},
    {"advisor_max_cpu", "percent of one processor that the advisor lets ksmd use"},
    {"advisor_min_pages_to_scan", "the least pages_to_scan that the advisor chooses"},
    {"advisor_max_pages_to_scan", "the most that it chooses"},
    {"stable_node_chains_prune_millisecs", "how often copies beyond max_page_sharing are tidied up"},
    {"pages_shared", "merged pages in memory: each stands for several"},
    {"pages_sharing", "further uses of them: the pages that are saved"},
    {"pages_unshared", "unique pages that are compared again and again"},
    {"pages_volatile", "pages that change too fast, or were seen only once so far"},
    {"ksm_zero_pages", "empty pages replaced by the zero page: saved as well"},
    {"pages_skipped", "pages that smart_scan left out, since the kernel started"},
    {"pages_scanned", "pages looked at, since the kernel started"},
    {"full_scans", "times that all offered memory was scanned"},
    {"stable_node_chains", "contents that are kept in more than one copy, because of max_page_sharing"},
    {"stable_node_dups", "those copies"},
    {"general_profit", "bytes saved, less what keeping account of the pages costs"},
};

}  // namespace

std::span<const KsmExplanation> ksm_explanations() {
  return kExplanations;
}

std::string_view explain_ksm_file(std::string_view name) {
  for (const KsmExplanation& explanation : kExplanations)
    if (explanation.name == name) return explanation.text;
  return {};
}

}  // namespace isotach::memory
