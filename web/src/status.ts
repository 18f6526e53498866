// What the header says: which machine, how fresh, how the connection is.
import type { Session } from './api';
import { byId, setText } from './dom';
import type { FeedState } from './feed';
import type { Store } from './store';
import { formatAge, formatUptime } from './units';

const AGE_EVERY_MS = 250;
const STALE_INTERVALS = 4;
const LEAST_STALE_MS = 2500;

const TEXTS: Record<FeedState | 'stale' | 'refused' | 'recording' | 'missing', string> = {
  connecting: 'Connecting',
  live: 'Live',
  lost: 'No connection',
  crowded: 'All places taken',
  ended: 'Stopped',
  stale: 'No new samples',
  refused: 'Token needed',
  recording: 'Recording',
  missing: 'Not found',
};

const NOTICES: Partial<Record<keyof typeof TEXTS, string>> = {
  lost: 'The server does not answer. The plots show what came before; trying again.',
  crowded: 'As many viewers as the server allows are watching. Close another page; trying again.',
  ended: 'isotach web has ended on the server. The plots stay; when it is started again, this page goes on.',
  refused: 'This server wants a token: open the address that isotach web printed.',
};

export class StatusLine {
  private feedState: FeedState = 'connecting';
  private fixed: 'refused' | 'recording' | 'missing' | null = null;
  private missing = '';
  private arrivedAt = 0;
  private interval = 1000;
  private uptime: { seconds: number; at: number } | null = null;
  private machine = '';

  constructor() {
    setInterval(() => this.refresh(), AGE_EVERY_MS);
  }

  show(session: Session, store: Store): void {
    this.fixed = null;
    this.interval = session.interval_ms;
    this.machine = `Isotach ${session.program_version} · Linux ${session.kernel}`;
    setText(byId('host'), session.host);
    document.title = `${session.host} · Isotach`;
    this.arrived(store);
  }

  arrived(store: Store): void {
    this.arrivedAt = performance.now();
    const seconds = store.latest('uptime_seconds');
    if (seconds !== null) this.uptime = { seconds, at: performance.now() };
  }

  feed(state: FeedState): void {
    this.feedState = state;
    this.refresh();
  }

  // `chosen`: the server itself watches something else, which the page can go back to.
  recording(session: Session, chosen: boolean): void {
    this.fixed = 'recording';
    const thinned = session.thinned ?? 1;
    setText(byId('age'), thinned > 1 ? `${session.recording ?? ''}, one of ${thinned} samples` : (session.recording ?? ''));
    byId('back').hidden = !chosen;
    this.refresh();
  }

  failed(refused: boolean): void {
    this.fixed = refused ? 'refused' : null;
    this.feed('lost');
  }

  // The recording that the address asks for cannot be shown.
  notFound(name: string): void {
    this.fixed = 'missing';
    this.missing = name;
    byId('back').hidden = false;
    this.refresh();
  }

  private refresh(): void {
    const age = performance.now() - this.arrivedAt;
    const stale = age > Math.max(STALE_INTERVALS * this.interval, LEAST_STALE_MS);
    const state = this.fixed ?? (this.feedState === 'live' && stale ? 'stale' : this.feedState);
    const host = byId('state');
    if (host.dataset['state'] !== state) host.dataset['state'] = state;
    setText(byId('state-text'), TEXTS[state]);
    const notice = byId('notice');
    const gone = `${this.missing} cannot be shown: it is not in the folder, or is no recording.`;
    const text = state === 'missing' ? gone : (NOTICES[state] ?? '');
    setText(notice, text);
    notice.hidden = text === '';
    if (this.fixed === null && this.arrivedAt > 0) setText(byId('age'), `${formatAge(age)} ago`);
    const ticking = this.fixed === null && this.feedState === 'live' ? (performance.now() - (this.uptime?.at ?? 0)) / 1000 : 0;
    const up = this.uptime === null ? '' : ` · up ${formatUptime(this.uptime.seconds + ticking)}`;
    setText(byId('machine'), this.machine + up);
  }
}
