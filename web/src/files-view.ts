// Recordings, captures, records of programs and reports in the folder that the server was told, and those that
// viewers sent: recordings open in this page, the others in a frame within it.
import { getFiles, type FilesDocument, type RecordedFile, type Session } from './api';
import { byId, element, setText } from './dom';
import { onThemeChange, scheme } from './theme';
import { formatQuantity, formatUptime } from './units';
import { Upload } from './upload';

const two = (value: number): string => String(value).padStart(2, '0');

export function formatDay(wallMs: number): string {
  const date = new Date(wallMs);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

const SENT = 'sent/'; // how the server names what viewers sent

const addressOf = (name: string, kind: RecordedFile['kind']): string =>
  kind === 'recording' ? `/?recording=${encodeURIComponent(name)}#overview` : `/report?name=${encodeURIComponent(name)}`;

// The address of a report, in the colours that were chosen by hand.
function inScheme(address: string): string {
  const url = new URL(address, location.href);
  if (scheme() === 'auto') url.searchParams.delete('scheme');
  else url.searchParams.set('scheme', scheme());
  return url.href;
}

export class FilesView {
  private readonly note = element('p', { class: 'quiet' });
  private readonly recordings = element('ul', { class: 'files' });
  private readonly captures = element('ul', { class: 'files' });
  private readonly records = element('ul', { class: 'files' });
  private readonly reports = element('ul', { class: 'files' });
  private readonly frame = element('section', { class: 'report', 'aria-label': 'Report', hidden: '' });

  private readonly upload: Upload;

  constructor(
    private readonly shown: string | null,
    showThis: () => void,
  ) {
    const dropped = (): Promise<unknown> => {
      showThis();
      return this.refresh();
    };
    this.upload = new Upload(dropped, (name) => void this.openSent(name));
    byId('files').append(
      element('header', { class: 'lead' }, this.note, this.upload.element),
      this.frame,
      element('h2', {}, 'Recordings'),
      this.recordings,
      element('h2', {}, 'Captures'),
      this.captures,
      element('h2', {}, 'Programs'),
      this.records,
      element('h2', {}, 'Reports'),
      this.reports,
    );
    onThemeChange(() => {
      const frame = this.frame.querySelector('iframe');
      if (frame !== null && frame.src !== inScheme(frame.src)) frame.src = inScheme(frame.src);
    });
  }

  // What the page shows now, for a server without a folder.
  show(session: Session): void {
    if (session.mode === 'recording') setText(this.note, `Showing ${session.recording ?? 'a recording'}.`);
  }

  async refresh(): Promise<readonly RecordedFile[]> {
    let document: FilesDocument;
    try {
      document = await getFiles();
    } catch {
      return []; // the state line tells when the server has gone; coming back here asks again
    }
    const { folder, files, left_out: leftOut } = document;
    this.upload.allow(document.upload_limit_bytes);
    setText(
      this.note,
      folder === ''
        ? 'No folder is open. Start isotach web --files FOLDER to look at its recordings, captures and reports here.'
        : `in ${folder}${leftOut > 0 ? `: the newest ${files.length}, ${leftOut} more are left out` : ''}`,
    );
    const of = (wanted: RecordedFile['kind']): RecordedFile[] => files.filter(({ kind }) => kind === wanted);
    this.fill(this.recordings, of('recording'), 'isotach record FILE.isotach makes one');
    this.fill(this.captures, of('capture'), 'tcpdump -w FILE.pcap makes one');
    this.fill(this.records, of('records'), 'isotach inspect -o FILE.zst -- COMMAND keeps what a program did');
    this.fill(this.reports, of('report'), 'isotach inspect --report FILE.html -- COMMAND makes one');
    return files;
  }

  private fill(host: HTMLElement, files: readonly RecordedFile[], how: string): void {
    host.replaceChildren(
      ...(files.length > 0 ? files.map((file) => this.entry(file)) : [element('li', { class: 'quiet' }, `None yet: ${how}.`)]),
    );
  }

  private entry(file: RecordedFile): HTMLElement {
    const address = addressOf(file.name, file.kind);
    const sent = file.name.startsWith(SENT);
    const name = sent ? file.name.slice(SENT.length) : file.name;
    const opened = file.kind === 'recording' && file.name === this.shown;
    const titled = file.kind !== 'recording' && file.title !== '';
    const link = element('a', { href: address }, titled ? file.title : name);
    if (file.kind !== 'recording')
      link.addEventListener('click', (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a tab of its own
        event.preventDefault();
        this.open(file, link.href);
      });
    if (opened) link.setAttribute('aria-current', 'true');
    const facts = [
      file.kind === 'recording' ? (file.host ?? '') : titled ? name : '',
      sent ? 'sent to the server' : '',
      file.command === undefined || file.command === '' ? '' : `isotach ${file.command}`,
      formatDay(file.start_wall_time_ms ?? file.wall_time_ms),
      file.duration_seconds === undefined ? '' : formatUptime(file.duration_seconds),
      file.samples === undefined ? '' : `${file.samples} samples`,
      formatQuantity(file.size_bytes, 'bytes'),
      opened ? 'shown now' : '',
    ].filter((fact) => fact !== '');
    return element('li', {}, link, element('span', { class: 'quiet' }, facts.join(' · ')));
  }

  // What the viewer has just sent.
  private async openSent(name: string): Promise<void> {
    if (name.endsWith('.isotach')) {
      location.href = addressOf(name, 'recording');
      return;
    }
    const file = (await this.refresh()).find((one) => one.name === name);
    if (file !== undefined) this.open(file, addressOf(file.name, file.kind));
  }

  private open(file: RecordedFile, address: string): void {
    const close = element('button', { type: 'button' }, 'Close');
    close.addEventListener('click', () => {
      this.frame.hidden = true;
      this.frame.replaceChildren();
    });
    const title = file.title === '' ? file.name : file.title;
    // The server says which script may run, if any: that of our own graphs.
    const frame = element('iframe', { src: inScheme(address), title: `Report ${file.name}`, sandbox: 'allow-scripts' });
    // Of a large program or capture it takes the server some seconds.
    const note = element('p', { class: 'quiet', role: 'status' }, `Reading ${file.name}…`);
    frame.addEventListener('load', () => note.remove());
    this.frame.replaceChildren(
      element(
        'header',
        {},
        element('h2', {}, title),
        element('a', { href: inScheme(address), target: '_blank', rel: 'noopener' }, 'In a tab of its own'),
        close,
      ),
      note,
      frame,
    );
    this.frame.hidden = false;
    close.focus();
    this.frame.scrollIntoView({ block: 'start' });
  }
}
