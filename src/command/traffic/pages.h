// The pages of the live view: which groups stand on each, and what Enter opens.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "command/traffic/lists.h"
#include "command/traffic/session.h"
#include "view/traffic/traffic.h"

namespace isotach::command {

// What is opened on top of a page.
struct TrafficOpened {
  network::TrafficBy by = network::TrafficBy::flow;
  network::TrafficGroup group;
  std::string name;
};

class TrafficPages {
 public:
  // `names` may be nullptr; both must outlive this.
  TrafficPages(TrafficSession& session, HostNames* names) : session_(session), names_(names) {}

  // What is to be drawn now. `view.cursor` is moved to where a row is.
  [[nodiscard]] view::TrafficModel model(view::TrafficView& view, int columns, int rows);
  // Rows that the list of the page had when it was drawn last.
  [[nodiscard]] std::size_t matching() const { return matching_; }

  // Enter: the details of a flow; the flows of anything else. Esc: back from there.
  void open(view::TrafficView& view);
  void back(view::TrafficView& view);
  void next_sort(view::TrafficView& view);
  [[nodiscard]] network::TrafficSort sort() const { return sort_; }
  void set_sort(network::TrafficSort sort) { sort_ = sort; }
  // Forgets what was opened, as after a new start of the counting.
  void forget(view::TrafficView& view);

 private:
  struct Shown {
    network::TrafficBy by;
    network::TrafficGroup group;
  };

  void add_list(view::TrafficModel& model, const TrafficListing& listing);
  void add_page(view::TrafficModel& model, view::TrafficView& view, std::size_t room);
  void add_classes(view::TrafficModel& model, const view::TrafficView& view, std::size_t room);
  void add_details(view::TrafficModel& model);
  [[nodiscard]] TrafficListing listing_of(network::TrafficBy by) const;

  TrafficSession& session_;
  HostNames* names_;
  network::TrafficSort sort_ = network::TrafficSort::bytes_rate;
  std::vector<Shown> shown_;
  std::size_t first_ = 0;
  std::size_t matching_ = 0;
  std::optional<TrafficOpened> scope_;  // flows are narrowed down to it
  view::TrafficPage came_from_ = view::TrafficPage::flows;
  std::optional<TrafficOpened> details_;  // a flow
  std::vector<view::TrafficFact> last_facts_;
};

}  // namespace isotach::command
