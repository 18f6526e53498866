// Which stretch of time all plots show: the last minutes, moving with the data, or a part that the
// user chose.

export const SPANS = [
  { label: '1 min', spoken: 'last minute', ms: 60_000 },
  { label: '5 min', spoken: 'last 5 minutes', ms: 300_000 },
  { label: '10 min', spoken: 'last 10 minutes', ms: 600_000 },
  { label: 'all', spoken: 'everything kept', ms: Infinity },
] as const;

const SHORTEST_MS = 20;
const LEAST_SPAN_MS = 30_000;

export interface Bounds {
  first: number;
  last: number;
}

export class ViewWindow {
  private fixed: { from: number; to: number } | null = null;
  private frozenAt: number | null = null;

  constructor(private span: number = SPANS[1].ms) {}

  get chosenSpan(): number | null {
    return this.fixed === null ? this.span : null;
  }
  get paused(): boolean {
    return this.frozenAt !== null;
  }
  get zoomed(): boolean {
    return this.fixed !== null;
  }

  choose(span: number): void {
    this.span = span;
    this.fixed = null;
  }

  zoom(from: number, to: number): void {
    if (to - from < SHORTEST_MS) {
      const middle = (from + to) / 2;
      this.fixed = { from: middle - SHORTEST_MS / 2, to: middle + SHORTEST_MS / 2 };
    } else {
      this.fixed = { from, to };
    }
  }

  resetZoom(): void {
    this.fixed = null;
  }

  // Holds the window where it is while data goes on to arrive.
  pause(last: number | null): void {
    this.frozenAt = last;
  }
  resume(): void {
    this.frozenAt = null;
  }

  range(bounds: Bounds): { from: number; to: number } {
    if (this.fixed !== null) return this.fixed;
    const to = this.frozenAt ?? bounds.last;
    // The time axis grows with the data until it has its whole span.
    const data = Math.max(to - bounds.first, LEAST_SPAN_MS);
    return { from: to - Math.min(this.span, data), to };
  }

  // Moves by a share of what is shown, within the data.
  move(share: number, bounds: Bounds): void {
    const { from, to } = this.range(bounds);
    const span = to - from;
    let step = span * share;
    step = Math.min(step, bounds.last - to);
    if (step < 0) step = Math.min(0, Math.max(step, bounds.first - from));
    if (step !== 0) this.fixed = { from: from + step, to: to + step };
  }

  scale(factor: number, bounds: Bounds): void {
    const { from, to } = this.range(bounds);
    const span = (to - from) * factor;
    const middle = (from + to) / 2;
    const whole = Math.max(bounds.last - bounds.first, SHORTEST_MS);
    if (span >= whole && factor > 1) {
      this.fixed = { from: bounds.first, to: bounds.last };
      return;
    }
    this.zoom(middle - span / 2, middle + span / 2);
  }
}
