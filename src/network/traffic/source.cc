#include "network/traffic/source.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "kernel/route_link.h"
#include "network/traffic/methods.h"

namespace isotach::network {
namespace {

// A source that is not the best says in each snapshot why not.
class Explained final : public TrafficSource {
 public:
  Explained(std::unique_ptr<TrafficSource> source, std::string reason, std::string remedy)
      : source_(std::move(source)), reason_(std::move(reason)), remedy_(std::move(remedy)) {}
  Result<void> read(TrafficSnapshot& snapshot) override {
    auto result = source_->read(snapshot);
    snapshot.reason = reason_;
    snapshot.remedy = remedy_;
    return result;
  }
  [[nodiscard]] int wake_descriptor() const override { return source_->wake_descriptor(); }

 private:
  std::unique_ptr<TrafficSource> source_;
  std::string reason_, remedy_;
};

Result<void> check_names(const TrafficOptions& options) {
  if (options.interfaces.empty()) return {};
  auto routes = kernel::RouteSocket::open();
  if (!routes) return tl::make_unexpected(routes.error());
  const auto links = routes->links();
  if (!links) return tl::make_unexpected(links.error());
  std::vector<std::string> names;
  for (const kernel::RouteLink& link : *links) names.push_back(link.name);
  for (const std::string& wanted : options.interfaces) {
    if (std::find(names.begin(), names.end(), wanted) != names.end()) continue;
    const auto near = nearest_word(wanted, names);
    return failure(ErrorKind::usage, "there is no interface " + printable(wanted),
                   near ? "did you mean " + printable(*near) + "?" : "isotach link lists them");
  }
  return {};
}

}  // namespace

bool wants_interface(const TrafficOptions& options, const std::string& name) {
  return options.interfaces.empty() ||
         std::find(options.interfaces.begin(), options.interfaces.end(), name) != options.interfaces.end();
}

Result<std::unique_ptr<TrafficSource>> TrafficSource::open(const TrafficOptions& options, Clock& clock) {
  if (auto ok = check_names(options); !ok) return tl::make_unexpected(ok.error());
  const auto open_one = [&](TrafficMethod method) {
    switch (method) {
      case TrafficMethod::bpf:
        return open_bpf_source(options, clock);
      case TrafficMethod::ring:
        return open_ring_source(options, clock);
      case TrafficMethod::counters:
        break;
    }
    return open_counters_source(options, clock);
  };
  if (options.method) return open_one(*options.method);
  std::string reason;
  std::string remedy;
  for (const TrafficMethod method : {TrafficMethod::bpf, TrafficMethod::ring, TrafficMethod::counters}) {
    auto source = open_one(method);
    if (source) {
      if (reason.empty()) return source;
      return std::unique_ptr<TrafficSource>(
          std::make_unique<Explained>(std::move(*source), std::move(reason), std::move(remedy)));
    }
    if (source.error().kind == ErrorKind::usage || method == TrafficMethod::counters) return source;
    if (!reason.empty()) reason += "; ";
    reason += source.error().message();
    if (remedy.empty()) remedy = source.error().remedy;
  }
  return failure(ErrorKind::failed, "there is no way to count traffic");
}

}  // namespace isotach::network
