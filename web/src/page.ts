// The page: loads what there is, follows the stream, and redraws what is on the screen.
import {
  getHistory,
  getSeries,
  HttpError,
  type FindingsDocument,
  type Mark,
  type SampleEvent,
  type SeriesDocument,
} from './api';
import { Controls } from './controls';
import { byId } from './dom';
import { Feed, type FeedState } from './feed';
import { FilesView } from './files-view';
import { FindingsView } from './findings-view';
import { ConnectionsView } from './connections-view';
import { PanelBoard } from './panel-board';
import type { PanelView } from './panel-view';
import { cpuCount, isWanted, WANTED } from './panels';
import { SIGNS } from './severity';
import { StatusLine } from './status';
import { Store } from './store';
import { onThemeChange, readTheme, type Theme } from './theme';
import { Tiles } from './tiles';
import { ViewWindow, type Bounds } from './view-window';
import { ViewSwitch } from './views';

const RETRY_MS = 2000;
const ACTIVE_WITHIN_MS = 120_000;
const LEAST_FRAME_MS = 30;

// What stands still below the head of the page, or scrolls to it, asks how high that is.
function followBar(): void {
  const bar = document.querySelector('.bar') as HTMLElement;
  const measure = (): void => {
    const height = getComputedStyle(bar).position === 'sticky' ? bar.offsetHeight : 0;
    document.documentElement.style.setProperty('--bar-height', `${height}px`);
  };
  new ResizeObserver(measure).observe(bar);
}

export class Page {
  private theme: Theme = readTheme();
  private document: SeriesDocument | null = null;
  private store = new Store(2);
  private tiles: Tiles | null = null;
  private feed: Feed | null = null;
  // A recording of the folder that the server was told, instead of what the server itself watches.
  private readonly recording = new URLSearchParams(location.search).get('recording');
  private readonly view = new ViewWindow();
  private readonly status = new StatusLine();
  private readonly switch: ViewSwitch;
  private readonly controls: Controls;
  private readonly board: PanelBoard;
  private readonly findings: FindingsView;
  private readonly connections: ConnectionsView;
  private readonly files: FilesView;
  private newestFindings: FindingsDocument | null = null;
  private frameAsked = false;
  private lastFrame = { end: 0, cost: 0 };
  private refreshing = false;

  constructor() {
    this.switch = new ViewSwitch(() => this.showView());
    this.controls = new Controls(this.view, {
      bounds: () => this.bounds(),
      changed: (anew) => {
        if (anew) this.board.startAxesAnew();
        this.drawFindings();
        this.ask();
      },
      key: (key) => this.switch.key(key) || (this.switch.current.id === 'connections' && this.connections.key(key)),
    });
    this.board = new PanelBoard(
      {
        theme: () => this.theme,
        marks: () => this.store.marks,
        zoom: (from, to) => this.controls.zoom(from, to),
        resetZoom: () => this.controls.resetZoom(),
        changed: () => this.ask(),
        fileStem: () => `isotach-${this.document?.session.host ?? ''}`,
      },
      () => this.ask(),
    );
    this.findings = new FindingsView();
    this.connections = new ConnectionsView();
    this.files = new FilesView(this.recording, () => void (location.hash = 'files'));
    onThemeChange(() => {
      this.theme = readTheme();
      this.board.recolour();
    });
    document.addEventListener('visibilitychange', () => this.ask());
    followBar();
  }

  async start(): Promise<void> {
    try {
      await this.load();
    } catch (error) {
      if (this.recording !== null && error instanceof HttpError && error.status === 404) {
        this.status.notFound(this.recording);
        return;
      }
      this.status.failed(error instanceof HttpError && error.status === 401);
      setTimeout(() => void this.start(), RETRY_MS);
    }
  }

  // A steady view of what is drawn, without any way to change it.
  readonly inspector = {
    panels: (): string[] => this.board.ids,
    panel: (id: string): PanelView['inspected'] | null => this.board.find(id)?.inspected ?? null,
    marks: (): readonly Mark[] => this.store.marks,
    findings: (): FindingsDocument | null => this.newestFindings,
    lastNumber: (): number => this.store.lastNumber,
    paused: (): boolean => this.view.paused,
    window: (): { from: number; to: number } => this.view.range(this.bounds()),
  };

  private async load(): Promise<void> {
    this.feed?.close();
    const series = await getSeries(this.recording);
    const { session } = series;
    const store = new Store(session.history_limit);
    store.follow(series.series, isWanted);
    for (let since = 0; ; ) {
      const history = await getHistory(since, WANTED, this.recording);
      if (history.session !== session.id) return this.load();
      store.addHistory(history);
      if (!history.more) break;
      since = history.last_number;
    }
    this.document = series;
    this.store = store;
    this.status.show(session, store);
    this.build();
    this.files.show(session);
    if (session.mode === 'recording') {
      this.controls.forRecording();
      this.status.recording(session, this.recording !== null);
      this.findings.recorded();
      this.connections.recorded();
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
      findings: (findings) => {
        if (findings.number === 0) return; // the first look is still going on
        this.markNews(findings);
        this.newestFindings = findings;
        if (!this.view.paused) this.drawFindings();
      },
      restarted: () => void this.start(),
    });
    this.feed = feed;
    feed.open();
  }

  // What comes up while somebody watches is a mark in the plots.
  private markNews({ findings, wall_time_ms }: FindingsDocument): void {
    if (this.newestFindings === null) return;
    const known = new Set(this.newestFindings.findings.map(({ id, subject }) => `${id} ${subject}`));
    for (const { id, subject, severity, title } of findings)
      if (severity !== 'info' && !known.has(`${id} ${subject}`))
        this.store.addMark({ wall_time_ms, kind: 'finding', text: `${SIGNS[severity]} ${title}` });
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
      const series = await getSeries(this.recording);
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

  private build(): void {
    const series = this.document?.series ?? [];
    this.tiles = new Tiles(byId('tiles'), series, cpuCount(series));
    this.board.setSeries(series);
    this.showView();
  }

  private showView(): void {
    const { id, plots } = this.switch.current;
    if (plots) this.board.show(id);
    if (id === 'files') void this.files.refresh();
    this.drawFindings();
    this.ask();
  }

  private drawFindings(): void {
    const document = this.newestFindings;
    if (document === null) return;
    this.findings.draw(document, this.switch);
    this.connections.draw(document, this.switch.current.id === 'connections');
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
    const { current } = this.switch;
    if (!this.view.paused && current.id === 'overview') this.tiles?.update(this.store);
    const { interval_ms, thinned, mode } = this.document.session;
    const moving =
      current.plots &&
      this.board.draw(
        {
          store: this.store,
          window: this.view.range(this.bounds()),
          longestStepMs: Math.max(3.5 * interval_ms * (thinned ?? 1), 1000),
          activeWithin: mode === 'live' ? Math.ceil(ACTIVE_WITHIN_MS / interval_ms) : Infinity,
        },
        now,
      );
    const end = performance.now();
    this.lastFrame = { end, cost: end - start };
    document.documentElement.dataset['drawn'] = String(this.store.lastNumber);
    if (moving) this.ask();
  }
}
