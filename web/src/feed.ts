// The live stream, which comes back by itself: where the server went away it tries again, and asks
// for what it missed.
import type { FindingsDocument, Mark, SampleEvent } from './api';

export type FeedState = 'connecting' | 'live' | 'lost' | 'crowded' | 'ended';

export interface FeedListener {
  state(state: FeedState): void;
  sample(sample: SampleEvent): void;
  mark(mark: Mark): void;
  findings(findings: FindingsDocument): void;
  // Another process answers now: everything known belongs to an earlier one.
  restarted(): void;
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 5000;

export class Feed {
  private source: EventSource | null = null;
  private retryMs = FIRST_RETRY_MS;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(
    private readonly session: string,
    private readonly lastNumber: () => number,
    private readonly listener: FeedListener,
  ) {}

  open(): void {
    if (this.closed) return;
    const since = `${this.session}:${this.lastNumber()}`;
    const source = new EventSource(`/api/events?since=${encodeURIComponent(since)}`);
    this.source = source;
    let ended = false;
    const on = <T>(name: string, handle: (data: T) => void): void =>
      source.addEventListener(name, (event) => handle(JSON.parse((event as MessageEvent<string>).data) as T));

    on<{ session: string }>('hello', ({ session }) => {
      this.retryMs = FIRST_RETRY_MS;
      if (session !== this.session) {
        this.close();
        this.listener.restarted();
        return;
      }
      this.listener.state('live');
    });
    on<SampleEvent>('sample', (sample) => this.listener.sample(sample));
    on<FindingsDocument>('findings', (findings) => this.listener.findings(findings));
    on<Mark>('mark', (mark) => this.listener.mark(mark));
    on('end', () => {
      ended = true;
      this.listener.state('ended');
    });
    source.onerror = () => {
      source.close();
      if (this.closed || this.source !== source) return;
      this.source = null;
      if (ended) this.retryLater();
      else void this.explainAndRetry();
    };
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  private async explainAndRetry(): Promise<void> {
    // An event source does not say why it failed. A server that is well has no place for this viewer.
    let state: FeedState = 'lost';
    try {
      const answer = await fetch('/healthz', { cache: 'no-store' });
      if (answer.ok) state = 'crowded';
    } catch {
      state = 'lost';
    }
    if (this.closed) return;
    this.listener.state(state);
    this.retryLater();
  }

  private retryLater(): void {
    this.timer = setTimeout(() => this.open(), this.retryMs);
    this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS);
  }
}
