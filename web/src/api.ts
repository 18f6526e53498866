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

export type Severity = 'info' | 'warning' | 'critical';

export interface Finding {
  id: string;
  severity: Severity;
  subject: string;
  title: string;
  evidence: string;
  remedy: string;
  area: string;
  meaning: string;
  how: string;
}

export interface Connection {
  local: string;
  remote: string;
  process: string;
  direction: 'sends' | 'receives';
  rate_bits_per_second: number | null;
  rtt_ms: number | null;
  retransmitted_segments: number | null;
  cause: string;
  cause_name: string;
  network: boolean;
  share: number | null;
  finding: string;
  severity: Severity | '';
  evidence: string;
}

export interface FindingsDocument {
  session: string;
  number: number; // another one with each look; 0: none yet
  wall_time_ms: number;
  verdict: Severity | 'ok';
  findings: Finding[];
  connection_count: number | null;
  connections: Connection[];
  not_checked: string[];
}

export interface RecordedFile {
  name: string;
  kind: 'recording' | 'capture' | 'records' | 'report';
  title: string;
  size_bytes: number;
  wall_time_ms: number; // of its last change
  host?: string;
  command?: string;
  start_wall_time_ms?: number;
  duration_seconds?: number;
  samples?: number;
}

export interface FilesDocument {
  folder: string; // empty where the server was told none
  files: RecordedFile[];
  left_out: number; // more than the server lists
  upload_limit_bytes: number; // of a file that may be sent; 0: none may
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

// Of the recording of that name in the server's folder; of what the server watches where it is null.
const chosen = (recording: string | null, sign: '?' | '&'): string =>
  recording === null ? '' : `${sign}recording=${encodeURIComponent(recording)}`;

export const getSeries = (recording: string | null): Promise<SeriesDocument> =>
  getJson(`/api/series${chosen(recording, '?')}`);

export const getHistory = (
  since: number,
  patterns: readonly string[],
  recording: string | null,
): Promise<HistoryDocument> =>
  getJson(`/api/history?since=${since}&series=${encodeURIComponent(patterns.join(','))}${chosen(recording, '&')}`);

export const getFiles = (): Promise<FilesDocument> => getJson('/api/files');

// The name that the server gave the file.
export async function sendFile(file: File): Promise<string> {
  const response = await fetch(`/api/upload?name=${encodeURIComponent(file.name)}`, { method: 'POST', body: file });
  const answer = await response.text();
  if (response.ok) return (JSON.parse(answer) as { name: string }).name;
  let message = answer.trim();
  try {
    message = (JSON.parse(answer) as { error: string }).error;
  } catch {
    // The server itself refused it, in plain words.
  }
  throw new Error(message);
}
