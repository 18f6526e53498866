#include "command/nettest/live_plot.h"

#include <utility>

namespace isotach::command {

void LivePlot::started(const nettest::TestFacts& facts, const std::string& title) {
  options_.title = title;
  auto selection = PlotSelection::parse(nettest_plot_metrics(facts), PlotSourceKind::recording);
  if (!selection) {
    problem_ = selection.error();
    return;
  }
  session_ = std::make_unique<PlotSession>(context_, options_, std::move(*selection), table_);
  session_->set_host(info_.host);
  if (auto opened = session_->open(info_); !opened) {
    problem_ = opened.error();
    session_.reset();
    return;
  }
  view_ = std::make_unique<PlotView>(context_, *session_);
  take(series_.first(facts));
}

void LivePlot::interval(const nettest::TestFacts& facts, const nettest::IntervalReport& report) {
  if (session_) take(series_.next(facts, report));
}

void LivePlot::take(const record::Sample& sample) {
  if (auto taken = session_->take(sample, true); !taken) {
    problem_ = taken.error();
    left_ = true;
    return;
  }
  if (!view_) return;
  const Instant now = context_.clock.now();
  const TerminalSize size = terminal_size(context_.out.fd());
  if (size.columns != columns_ || size.rows != rows_) view_->resized();
  columns_ = size.columns;
  rows_ = size.rows;
  if (view_->is_drawn() && !view_->take_keys(now)) left_ = true;
  view_->changed();
  view_->draw_if_due(now);
}

void LivePlot::finish(bool interrupted) {
  view_.reset();
  if (session_) static_cast<void>(session_->finish(interrupted));
  session_.reset();
}

}  // namespace isotach::command
