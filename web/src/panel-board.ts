// The panels of the view that is shown: makes them when they are first wanted, puts those of idle
// things under the fold, and draws what is on the screen.
import type { Series } from './api';
import { panelsFor } from './all-panels';
import { byId, setText } from './dom';
import { PanelView, type PanelHooks } from './panel-view';
import type { Panel } from './panels';
import { plotData } from './plot-data';
import type { Store } from './store';
import type { ViewId } from './views';

const FOLD_EVERY_MS = 2000;

export interface DrawSettings {
  store: Store;
  window: { from: number; to: number };
  longestStepMs: number; // a gap is drawn where samples are farther apart
  activeWithin: number; // samples: what showed nothing for as long is idle
}

export class PanelBoard {
  private panels: Panel[] = [];
  private readonly made = new Map<string, PanelView>();
  private shown: PanelView[] = [];
  private view: ViewId = 'overview';
  private lastFold = -Infinity;
  private readonly seen: IntersectionObserver;

  constructor(
    private readonly hooks: PanelHooks,
    cameIntoSight: () => void,
  ) {
    this.seen = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          const panel = [...this.made.values()].find((one) => one.root === entry.target);
          if (panel !== undefined) panel.visible = entry.isIntersecting;
        }
        cameIntoSight();
      },
      { rootMargin: '200px' },
    );
  }

  // Panels that exist keep what the user did to them.
  setSeries(series: readonly Series[]): void {
    this.panels = panelsFor(series);
    this.build();
  }

  show(view: ViewId): void {
    this.view = view;
    this.build();
  }

  get ids(): string[] {
    return this.shown.map((one) => one.panel.id);
  }

  find(id: string): PanelView | undefined {
    return this.made.get(id);
  }

  startAxesAnew(): void {
    for (const panel of this.made.values()) panel.startAxisAnew();
  }

  recolour(): void {
    for (const panel of this.made.values()) panel.recolour();
  }

  // True while something is on its way and wants another frame.
  draw(settings: DrawSettings, now: number): boolean {
    if (performance.now() - this.lastFold > FOLD_EVERY_MS) this.fold(settings);
    let moving = false;
    for (const panel of this.shown) {
      if (!panel.wanted) continue;
      const { store, window, longestStepMs } = settings;
      const data = plotData(store, panel.panel, window, { longestStepMs, hidden: panel.isHidden });
      moving = panel.draw(data, window, now) || moving;
    }
    return moving;
  }

  private build(): void {
    this.shown = this.panels
      .filter(({ views }) => views.includes(this.view))
      .map((panel) => {
        const old = this.made.get(panel.id);
        if (old !== undefined && old.panel.lines.length === panel.lines.length) return old;
        if (old !== undefined) this.seen.unobserve(old.root);
        old?.root.remove();
        const made = new PanelView(panel, this.hooks);
        this.seen.observe(made.root);
        this.made.set(panel.id, made);
        return made;
      });
    this.lastFold = -Infinity;
  }

  // A panel that has shown something stays a while.
  private fold({ store, activeWithin }: DrawSettings): void {
    this.lastFold = performance.now();
    const isIdle = ({ panel }: PanelView): boolean =>
      panel.foldsWhenIdle && !panel.lines.some(({ keys }) => keys.some((key) => store.isActive(key, activeWithin)));
    const idle = this.shown.filter(isIdle);
    place(byId('panels'), this.shown.filter((one) => !idle.includes(one)));
    place(byId('idle-panels'), idle);
    byId('idle').hidden = idle.length === 0;
    setText(byId('idle-summary'), `Idle: ${idle.map((one) => one.panel.title).join(', ')}`);
  }
}

// Moves only what is not where it should be: a plot that is moved loses the focus within it.
function place(host: HTMLElement, wanted: readonly PanelView[]): void {
  wanted.forEach(({ root }, i) => {
    if (host.children[i] !== root) host.insertBefore(root, host.children[i] ?? null);
  });
  while (host.children.length > wanted.length) host.lastElementChild?.remove();
}
