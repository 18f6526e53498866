// The page: loads what there is, follows the stream, and redraws what is on the screen.
import { getHistory, getSeries, HttpError, type SampleEvent, type SeriesDocument } from './api';
import { Controls } from './controls';
import { byId, setText } from './dom';
import { Feed, type FeedState } from './feed';
import { PanelView } from './panel-view';
import { cpuCount, isWanted, panelsFor, WANTED } from './panels';
import { plotData } from './plot-data';
import { StatusLine } from './status';
import { Store } from './store';
import { onThemeChange, readTheme, type Theme } from './theme';
import { Tiles } from './tiles';
import { ViewWindow, type Bounds } from './view-window';

const RETRY_MS = 2000;
const FOLD_EVERY_MS = 2000;
const ACTIVE_WITHIN_MS = 120_000;
const LEAST_FRAME_MS = 30;

export class Page {
  private theme: Theme = readTheme();
  private document: SeriesDocument | null = null;
  private store = new Store(2);
  private panels: PanelView[] = [];
  private tiles: Tiles | null = null;
  private feed: Feed | null = null;
  private readonly view = new ViewWindow();
  private readonly status = new StatusLine();
  private readonly controls: Controls;
  private readonly seen: IntersectionObserver;
  private frameAsked = false;
  private lastFrame = { end: 0, cost: 0 };
  private lastFold = -Infinity;
  private refreshing = false;

  constructor() {
    this.controls = new Controls(this.view, {
      bounds: () => this.bounds(),
      changed: (anew) => {
        if (anew) for (const panel of this.panels) panel.startAxisAnew();
        this.ask();
      },
    });
    this.seen = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          const panel = this.panels.find((one) => one.root === entry.target);
          if (panel !== undefined) panel.visible = entry.isIntersecting;
        }
        this.ask();
      },
      { rootMargin: '200px' },
    );
    onThemeChange(() => {
      this.theme = readTheme();
      for (const panel of this.panels) panel.recolour();
    });
    document.addEventListener('visibilitychange', () => this.ask());
  }

  async start(): Promise<void> {
    try {
      await this.load();
    } catch (error) {
      this.status.failed(error instanceof HttpError && error.status === 401);
      setTimeout(() => void this.start(), RETRY_MS);
    }
  }

  // A steady view of what is drawn, without any way to change it.
  readonly inspector = {
    panels: (): string[] => this.panels.map((one) => one.panel.id),
    panel: (id: string): PanelView['inspected'] | null =>
      this.panels.find((one) => one.panel.id === id)?.inspected ?? null,
    lastNumber: (): number => this.store.lastNumber,
    paused: (): boolean => this.view.paused,
    window: (): { from: number; to: number } => this.view.range(this.bounds()),
  };

  private async load(): Promise<void> {
    this.feed?.close();
    const series = await getSeries();
    const { session } = series;
    const store = new Store(session.history_limit);
    store.follow(series.series, isWanted);
    for (let since = 0; ; ) {
      const history = await getHistory(since, WANTED);
      if (history.session !== session.id) return this.load();
      store.addHistory(history);
      if (!history.more) break;
      since = history.last_number;
    }
    this.document = series;
    this.store = store;
    this.status.show(session, store);
    this.build();
    if (session.mode === 'recording') {
      this.controls.forRecording();
      this.status.recording(session);
    } else {
      this.follow(session.id);
    }
    this.ask();
  }

  private follow(sessionId: string): void {
    const feed = new Feed(sessionId, () => this.store.lastNumber, {
      state: (state: FeedState) => this.status.feed(state),
      sample: (sample) => this.addSample(sample),
      mark: (mark) => {
        this.store.addMark(mark);
        this.ask();
      },
      restarted: () => void this.start(),
    });
    this.feed = feed;
    feed.open();
  }

  private addSample(sample: SampleEvent): void {
    this.store.addSample(sample);
    this.status.arrived(this.store);
    if (sample.values.length > (this.document?.series.length ?? 0)) void this.refreshSeries();
    if (!this.view.paused) this.ask();
  }

  // An interface or a disk has come: the list of series has grown.
  private async refreshSeries(): Promise<void> {
    if (this.refreshing) return;
    this.refreshing = true;
    try {
      const series = await getSeries();
      if (series.session.id !== this.document?.session.id) return;
      this.document = series;
      this.store.follow(series.series, isWanted);
      this.build();
      this.ask();
    } catch {
      // The stream tells when the server has gone; the next sample asks again.
    } finally {
      this.refreshing = false;
    }
  }

  // Makes the panels that are missing; those that exist keep what the user did to them.
  private build(): void {
    const series = this.document?.series ?? [];
    this.tiles = new Tiles(byId('tiles'), series, cpuCount(series));
    const known = new Map(this.panels.map((one) => [one.panel.id, one]));
    this.panels = panelsFor(series).map((panel) => {
      const old = known.get(panel.id);
      if (old !== undefined && old.panel.lines.length === panel.lines.length) return old;
      if (old !== undefined) old.root.remove();
      const made = new PanelView(panel, {
        theme: () => this.theme,
        marks: () => this.store.marks,
        zoom: (from, to) => this.controls.zoom(from, to),
        resetZoom: () => this.controls.resetZoom(),
        changed: () => this.ask(),
        fileStem: () => `isotach-${this.document?.session.host ?? ''}`,
      });
      this.seen.observe(made.root);
      return made;
    });
    this.fold();
  }

  // Puts panels of idle things under the fold. A panel that has shown something stays a while.
  private fold(): void {
    this.lastFold = performance.now();
    const interval = this.document?.session.interval_ms ?? 1000;
    const live = this.document?.session.mode === 'live';
    const count = live ? Math.ceil(ACTIVE_WITHIN_MS / interval) : Infinity;
    const busy = byId('panels');
    const idle = byId('idle-panels');
    const place = (host: HTMLElement, wanted: PanelView[]): void => {
      wanted.forEach((panel, i) => {
        if (host.children[i] !== panel.root) host.insertBefore(panel.root, host.children[i] ?? null);
      });
    };
    const isIdle = (one: PanelView): boolean =>
      one.panel.foldsWhenIdle && !one.panel.lines.some((line) => line.keys.some((key) => this.store.isActive(key, count)));
    const idlePanels = this.panels.filter(isIdle);
    place(busy, this.panels.filter((one) => !idlePanels.includes(one)));
    place(idle, idlePanels);
    byId('idle').hidden = idlePanels.length === 0;
    setText(byId('idle-summary'), `Idle: ${idlePanels.map((one) => one.panel.title).join(', ')}`);
  }

  private bounds(): Bounds {
    const last = this.store.lastTime ?? Date.now();
    return { first: this.store.firstTime ?? last, last };
  }

  // Draws soon, and not more often than the machine keeps up with.
  private ask(): void {
    if (this.frameAsked || document.hidden) return;
    this.frameAsked = true;
    const rest = Math.max(LEAST_FRAME_MS, 2 * this.lastFrame.cost);
    const wait = this.lastFrame.end + rest - performance.now();
    const frame = (): void => void requestAnimationFrame((now) => this.drawFrame(now));
    if (wait <= 0) frame();
    else setTimeout(frame, wait);
  }

  private drawFrame(now: number): void {
    this.frameAsked = false;
    if (this.document === null || this.store.length === 0) return;
    const start = performance.now();
    if (start - this.lastFold > FOLD_EVERY_MS) this.fold();
    if (!this.view.paused) this.tiles?.update(this.store);
    const window = this.view.range(this.bounds());
    const { interval_ms, thinned } = this.document.session;
    const longestStepMs = Math.max(3.5 * interval_ms * (thinned ?? 1), 1000);
    let moving = false;
    for (const panel of this.panels) {
      if (!panel.wanted) continue;
      const data = plotData(this.store, panel.panel, window, { longestStepMs, hidden: panel.isHidden });
      moving = panel.draw(data, window, now) || moving;
    }
    const end = performance.now();
    this.lastFrame = { end, cost: end - start };
    document.documentElement.dataset['drawn'] = String(this.store.lastNumber);
    if (moving) this.ask();
  }
}
