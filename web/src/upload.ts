// Files from the viewer's own machine: chosen by a button or dropped anywhere on the page, and sent to the server,
// which says in the list of files how large they may be (0: it takes none).
import { sendFile } from './api';
import { element, setText } from './dom';
import { formatQuantity } from './units';

const ACCEPTED = ['.isotach', '.pcap', '.pcapng', '.cap', '.snoop', '.gz', '.zst', '.inspect', '.html'];
const HOW = 'To open files of this device here, start it with --uploads 64Mi.';

export class Upload {
  readonly element: HTMLElement;
  private readonly input = element('input', {
    type: 'file',
    accept: ACCEPTED.join(','),
    hidden: '',
    'aria-label': 'File to open',
  });
  private readonly button = element('button', { type: 'button' }, 'Open a file…');
  private readonly note = element('span', { class: 'quiet', role: 'status' });
  private limitBytes = 0;
  private sending = false;

  // `dropped` shows the view that tells what becomes of the file, and asks the server what it takes; `taken` gets
  // the name that the server gave the file.
  constructor(
    private readonly dropped: () => Promise<unknown>,
    private readonly taken: (name: string) => void,
  ) {
    this.element = element('p', { class: 'upload' }, this.input, this.button, this.note);
    this.allow(0);
    this.button.addEventListener('click', () => this.input.click());
    this.input.addEventListener('change', () => {
      const file = this.input.files?.[0];
      this.input.value = '';
      if (file !== undefined) void this.send(file);
    });
    this.watchDrops();
  }

  allow(limitBytes: number): void {
    this.limitBytes = limitBytes;
    this.button.hidden = limitBytes === 0;
    if (this.sending) return;
    const what = 'a recording, a capture, records of inspect or a report';
    this.say(limitBytes === 0 ? HOW : `or drop one here: ${what}, up to ${formatQuantity(limitBytes, 'bytes')}`);
  }

  private say(text: string, failed = false): void {
    setText(this.note, text);
    this.element.classList.toggle('failed', failed);
  }

  private watchDrops(): void {
    const mark = (on: boolean): void => void document.body.classList.toggle('dropping', on);
    const brings = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;
    addEventListener('dragover', (event) => {
      if (!brings(event)) return;
      event.preventDefault(); // else the browser would leave the page for the file
      mark(true);
    });
    addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) mark(false);
    });
    addEventListener('drop', (event) => {
      if (!brings(event)) return;
      event.preventDefault();
      mark(false);
      const file = event.dataTransfer?.files[0];
      void this.dropped().then(() => (file !== undefined && this.limitBytes > 0 ? this.send(file) : undefined));
    });
  }

  private async send(file: File): Promise<void> {
    if (this.sending) return;
    const size = formatQuantity(file.size, 'bytes');
    if (!ACCEPTED.some((end) => file.name.endsWith(end)))
      return this.say(`${file.name} is none of ${ACCEPTED.join(', ')}.`, true);
    if (file.size > this.limitBytes)
      return this.say(`${file.name} has ${size}; this server takes ${formatQuantity(this.limitBytes, 'bytes')}.`, true);
    this.sending = true;
    this.button.disabled = true;
    this.say(`Sending ${file.name}, ${size}…`);
    try {
      const name = await sendFile(file);
      this.say(`${file.name} is here.`);
      this.taken(name);
    } catch (error) {
      this.say(`${file.name}: ${error instanceof Error ? error.message : 'it could not be sent'}.`, true);
    } finally {
      this.sending = false;
      this.button.disabled = false;
    }
  }
}
