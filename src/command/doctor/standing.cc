#include "command/doctor/standing.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "command/doctor/connections_report.h"

namespace isotach::command {
namespace {

// Settings of links change seldom, and reading them asks each driver.
constexpr std::int64_t kLinksEveryNs = 10 * kNanosecondsPerSecond;
// Less says nothing of what holds a connection up.
constexpr std::size_t kMomentsToJudge = 20;

kernel::SystemRoot root_of(const std::string& path) {
  return path.empty() ? kernel::SystemRoot() : kernel::SystemRoot(path);
}

}  // namespace

StandingDoctor::StandingDoctor(Clock& clock, const Options& options)
    : clock_(clock),
      options_(options),
      root_(root_of(options.proc_root)),
      links_(clock, {}),
      reader_(root_, machine::Parts::all()) {
  if (!root_.is_live()) return;
  auto opened = network::BusyConnections::open(root_, {.list_every_ns = options.every_ns});
  if (opened)
    connections_.emplace(std::move(*opened));
  else
    connections_trouble_ = "connections: " + opened.error().message();
  links_.begin();
}

std::int64_t StandingDoctor::deadline_ns() const {
  return connections_ ? std::min(look_due_ns_, connections_->deadline_ns()) : look_due_ns_;
}

bool StandingDoctor::step() {
  if (connections_) {
    const auto listed = connections_->step(clock_);
    if (!listed) {
      connections_trouble_ = "connections: " + listed.error().message();
      connections_.reset();
    } else if (*listed) {
      look_due_ns_ = 0;
    }
  }
  const std::int64_t now_ns = clock_.now().monotonic_ns;
  if (now_ns < look_due_ns_) return false;
  look();
  // Where connections are listed, that says when; a saved tree is looked at again as well, it may change.
  look_due_ns_ = now_ns + (connections_ ? 2 * options_.every_ns : options_.every_ns);
  return true;
}

void StandingDoctor::look() {
  ++news_.number;
  news_.time = clock_.now();
  news_.findings.clear();
  news_.not_checked.clear();
  if (options_.machine) {
    if (auto read = reader_.read(reading_)) {
      doctor::Diagnosis diagnosis = recent_.judge(reading_, news_.time.monotonic_ns);
      news_.findings = std::move(diagnosis.findings);
      news_.not_checked = std::move(diagnosis.not_checked);
    } else {
      news_.not_checked.push_back(read.error().message());
    }
  }
  if (root_.is_live()) look_at_network();
  std::erase_if(news_.findings,
                [this](const doctor::Finding& finding) { return is_silenced(finding, options_.silenced); });
}

void StandingDoctor::look_at_network() {
  if (news_.time.monotonic_ns >= links_due_ns_) {
    links_.turn();
    links_due_ns_ = news_.time.monotonic_ns + kLinksEveryNs;
  }
  doctor::add_unsaid(links_.findings(), news_.findings);
  look_at_connections();
}

void StandingDoctor::look_at_connections() {
  news_.connections.clear();
  if (!connections_) {
    news_.connection_count = 0;
    news_.not_checked.push_back(connections_trouble_);
    return;
  }
  news_.connection_count = connections_->count();
  for (const network::TransferTrace& trace : connections_->traces())
    if (trace.moments.size() >= kMomentsToJudge) news_.connections.push_back(judge_connection(trace, links_));
  std::stable_sort(news_.connections.begin(), news_.connections.end(),
                   [](const DoctorConnection& a, const DoctorConnection& b) {
                     return a.verdict.facts.rate_bps > b.verdict.facts.rate_bps;
                   });
  doctor::add_unsaid(findings_that_matter(news_.connections), news_.findings);
  if (connections_->left_out() > 0)
    news_.not_checked.push_back(std::to_string(connections_->left_out()) +
                                " connections that move less than those watched");
}

StandingThread::StandingThread(Clock& clock, const StandingDoctor::Options& options)
    : clock_(clock), doctor_(clock, options), news_(std::make_shared<StandingNews>()) {
  thread_ = std::thread([this] { run(); });
}

StandingThread::~StandingThread() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::shared_ptr<const StandingNews> StandingThread::news() const {
  const std::lock_guard lock(mutex_);
  return news_;
}

void StandingThread::run() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    lock.unlock();
    std::shared_ptr<const StandingNews> fresh;
    if (doctor_.step()) fresh = std::make_shared<StandingNews>(doctor_.news());
    const std::int64_t wait_ns = doctor_.deadline_ns() - clock_.now().monotonic_ns;
    lock.lock();
    if (fresh) news_ = std::move(fresh);
    wake_.wait_for(lock, std::chrono::nanoseconds(std::max<std::int64_t>(0, wait_ns)),
                   [this] { return stopped_; });
  }
}

}  // namespace isotach::command
