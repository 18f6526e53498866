// Range, pause and keys.
import { byId, element, setText } from './dom';
import { nextScheme, onThemeChange, scheme } from './theme';
import { SPANS, type Bounds, type ViewWindow } from './view-window';

export interface ControlHooks {
  bounds(): Bounds;
  // `anew`: another stretch of time is shown, so that axes start afresh.
  changed(anew: boolean): void;
  // A key that is for another part of the page; true when it was.
  key(key: string): boolean;
}

// What the button shows, and says, of each choice of colours.
const SCHEME_SIGNS = { auto: '◐', light: '☀', dark: '☾' };
const SCHEME_WORDS = { auto: 'as the system says', light: 'light', dark: 'dark' };

const MOVE_SHARE = 0.2;
const ZOOM_FACTOR = 0.5;

export class Controls {
  private readonly buttons: HTMLButtonElement[];
  private readonly pauseButton = byId<HTMLButtonElement>('pause');
  private readonly help = byId<HTMLDialogElement>('help');

  constructor(
    private readonly view: ViewWindow,
    private readonly hooks: ControlHooks,
  ) {
    this.buttons = SPANS.map(({ label, spoken, ms }) => {
      const button = element('button', { type: 'button', 'aria-label': `Show the ${spoken}` }, label);
      button.addEventListener('click', () => this.choose(ms));
      return button;
    });
    byId('ranges').append(...this.buttons);
    this.pauseButton.addEventListener('click', () => this.togglePause());
    byId('help-button').addEventListener('click', () => this.help.showModal());
    byId('scheme').addEventListener('click', nextScheme);
    onThemeChange(() => this.showScheme());
    this.showScheme();
    document.addEventListener('keydown', (event) => this.key(event));
    this.show();
  }

  private showScheme(): void {
    const button = byId('scheme');
    setText(button.firstElementChild as Element, SCHEME_SIGNS[scheme()]);
    const words = `Colours: ${SCHEME_WORDS[scheme()]}`;
    button.title = `${words} (t)`;
    button.setAttribute('aria-label', words);
  }

  forRecording(): void {
    this.pauseButton.hidden = true;
    this.view.choose(Infinity);
    this.show();
  }

  zoom(fromMs: number, toMs: number): void {
    this.view.zoom(fromMs, toMs);
    this.apply();
  }

  resetZoom(): void {
    this.view.resetZoom();
    this.apply();
  }

  private choose(span: number): void {
    this.view.choose(span);
    this.apply();
  }

  private togglePause(): void {
    if (this.view.paused) this.view.resume();
    else this.view.pause(this.hooks.bounds().last);
    this.apply(false);
  }

  private apply(anew = true): void {
    this.show();
    this.hooks.changed(anew);
  }

  private show(): void {
    SPANS.forEach(({ ms }, i) => this.buttons[i]?.setAttribute('aria-pressed', String(this.view.chosenSpan === ms)));
    this.pauseButton.setAttribute('aria-pressed', String(this.view.paused));
    setText(this.pauseButton, this.view.paused ? 'Go on' : 'Pause');
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey || this.help.open) return;
    // Keys that operate what has the focus stay with it.
    const target = event.target as HTMLElement;
    if (target.closest('input, select') !== null) return;
    const operates = target.closest('button, summary, a') !== null;
    if (operates && (event.key === ' ' || event.key === 'Enter')) return;
    const span = SPANS[Number(event.key) - 1];
    if (span !== undefined) this.choose(span.ms);
    else if (event.key === ' ' && !this.pauseButton.hidden) this.togglePause();
    else if (event.key === '0') this.resetZoom();
    else if (event.key === 'ArrowLeft') this.move(-MOVE_SHARE);
    else if (event.key === 'ArrowRight') this.move(MOVE_SHARE);
    else if (event.key === '+' || event.key === '=') this.scale(ZOOM_FACTOR);
    else if (event.key === '-') this.scale(1 / ZOOM_FACTOR);
    else if (event.key === 't') nextScheme();
    else if (event.key === '?') this.help.showModal();
    else if (!this.hooks.key(event.key)) return;
    event.preventDefault();
  }

  private move(share: number): void {
    this.view.move(share, this.hooks.bounds());
    this.apply();
  }

  private scale(factor: number): void {
    this.view.scale(factor, this.hooks.bounds());
    this.apply();
  }
}
