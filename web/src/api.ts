// What the server offers (docs/formats/web-api.md).

export type UnitName =
  | 'count'
  | 'bytes'
  | 'seconds'
  | 'ratio'
  | 'bytes_per_second'
  | 'bits_per_second'
  | 'per_second';

export interface Session {
  id: string;
  host: string;
  kernel: string;
  program_version: string;
  mode: 'live' | 'recording';
  recording?: string;
  thinned?: number;
  interval_ms: number;
  history_limit: number;
}

export interface Series {
  id: number;
  key: string;
  metric: string;
  shown_unit: UnitName;
  title: string;
  help: string;
  labels: Record<string, string>;
}

export interface SeriesDocument {
  session: Session;
  series: Series[];
}

export type Cell = number | null;

export interface Mark {
  wall_time_ms: number;
  kind: string;
  text: string;
}

export interface HistoryDocument {
  session: string;
  first_number: number;
  last_number: number;
  more: boolean;
  wall_time_ms: number[];
  series: Record<string, Cell[]>;
  events: Mark[];
}

export interface SampleEvent {
  number: number;
  wall_time_ms: number;
  skipped?: number;
  values: Cell[];
}

export class HttpError extends Error {
  constructor(readonly status: number) {
    super(`the server answered ${status}`);
  }
}

async function getJson<T>(path: string): Promise<T> {
  const response = await fetch(path, { headers: { Accept: 'application/json' }, cache: 'no-store' });
  if (!response.ok) throw new HttpError(response.status);
  return (await response.json()) as T;
}

export const getSeries = (): Promise<SeriesDocument> => getJson('/api/series');

export const getHistory = (since: number, patterns: readonly string[]): Promise<HistoryDocument> =>
  getJson(`/api/history?since=${since}&series=${encodeURIComponent(patterns.join(','))}`);
