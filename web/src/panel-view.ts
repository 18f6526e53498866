// A panel on the page: head, plot, legend with live values, downloads.
import type { Cell, Mark } from './api';
import { ValueAxis } from './axis';
import { Chart, CHART_HEIGHT } from './chart';
import { element, setText } from './dom';
import { download, panelAsCsv, panelAsJson, panelAsPng } from './export';
import type { Panel } from './panels';
import { extent, type PlotData } from './plot-data';
import { svgText } from './plot-svg';
import { prefersReducedMotion, type Theme } from './theme';
import { formatQuantity, formatTime } from './units';

export interface PanelHooks {
  theme(): Theme;
  marks(): readonly Mark[];
  zoom(fromMs: number, toMs: number): void;
  resetZoom(): void;
  changed(): void;
  fileStem(): string;
}

interface Row {
  button: HTMLButtonElement;
  value: HTMLElement;
}

export class PanelView {
  readonly root: HTMLElement;
  private readonly chart: Chart;
  private readonly axis: ValueAxis;
  private readonly rows: Row[] = [];
  private readonly hiddenLines = new Set<number>();
  private readonly plotHost: HTMLElement;
  private readonly when: HTMLElement;
  private data: PlotData = { times: [], numbers: [], values: [], drawn: [] };
  private window = { from: 0, to: 1 };
  private cursorIndex: number | null = null;
  visible = false; // near what is seen of the page
  private drawnOnce = false;

  constructor(
    readonly panel: Panel,
    private readonly hooks: PanelHooks,
  ) {
    const titleId = `title-${panel.id.replace(/[^\w-]/g, '-')}`;
    this.when = element('span', { class: 'when quiet number' });
    this.plotHost = element('div', { class: 'plot', role: 'img', 'aria-labelledby': titleId });
    const legend = element('ul', { class: 'legend' });
    panel.lines.forEach((line, i) => legend.append(this.legendRow(line.title, line.help ?? '', i)));
    this.root = element(
      'article',
      { class: 'panel', 'aria-labelledby': titleId, 'data-panel': panel.id },
      element(
        'header',
        {},
        element('h2', { id: titleId }, panel.title),
        element('p', { class: 'quiet' }, panel.subtitle),
        this.when,
        this.menu(),
      ),
      element('div', { class: 'body' }, this.plotHost, legend),
    );
    this.axis = new ValueAxis(panel.unit, () => !prefersReducedMotion());
    this.chart = new Chart(this.plotHost, panel, {
      theme: hooks.theme,
      marks: hooks.marks,
      zoom: hooks.zoom,
      resetZoom: hooks.resetZoom,
      cursor: (index) => {
        this.cursorIndex = index;
        this.showValues();
      },
    });
    new ResizeObserver(() => this.chart.resize(this.plotHost.clientWidth)).observe(this.plotHost);
  }

  isHidden = (line: number): boolean => this.hiddenLines.has(line);

  // Draws; true while the axis is on its way and wants another frame.
  draw(data: PlotData, window: { from: number; to: number }, nowMs: number): boolean {
    this.data = data;
    this.window = window;
    this.drawnOnce = true;
    this.chart.draw(data, window, this.axis.update(extent(data.drawn), nowMs));
    this.showValues();
    return this.axis.moving;
  }

  // Whether drawing makes a difference: what was never drawn is, lest a print or a quick scroll find
  // an empty plot; under a closed fold nothing is.
  get wanted(): boolean {
    return this.visible || (!this.drawnOnce && this.plotHost.clientWidth > 0);
  }

  startAxisAnew(): void {
    this.axis.reset();
  }

  recolour(): void {
    this.chart.recolour();
  }

  // For tests: what the chart holds, with the numbers of its samples.
  get inspected(): { numbers: number[]; values: Cell[][]; chart: Chart['drawn']; keys: string[] } {
    return {
      numbers: this.data.numbers,
      values: this.data.values,
      chart: this.chart.drawn,
      keys: this.panel.lines.map((line) => line.keys.join('+')),
    };
  }

  private legendRow(title: string, help: string, index: number): HTMLElement {
    const line = this.panel.lines[index];
    const swatch = element('span', {
      class: line?.dashed === true ? 'swatch dashed' : 'swatch',
      'data-colour': String(line?.colour ?? 0),
      'aria-hidden': 'true',
    });
    const value = element('span', { class: 'number value' }, '–');
    const button = element(
      'button',
      { type: 'button', 'aria-pressed': 'true', title: help === '' ? `Hide or show ${title}` : help },
      swatch,
      element('span', { class: 'name' }, title),
      value,
    );
    button.addEventListener('click', () => {
      const hide = !this.hiddenLines.has(index);
      if (hide) this.hiddenLines.add(index);
      else this.hiddenLines.delete(index);
      button.setAttribute('aria-pressed', String(!hide));
      this.hooks.changed();
    });
    this.rows.push({ button, value });
    return element('li', {}, button);
  }

  private menu(): HTMLElement {
    const entry = (name: string, act: () => void): HTMLElement => {
      const button = element('button', { type: 'button' }, name);
      button.addEventListener('click', () => {
        act();
        menu.removeAttribute('open');
      });
      return button;
    };
    const stem = (): string => `${this.hooks.fileStem()}-${this.panel.id.replace(/[^\w-]/g, '-')}`;
    const menu = element(
      'details',
      { class: 'menu' },
      element('summary', { 'aria-label': `Download ${this.panel.title}`, title: 'Download' }, '⤓'),
      element(
        'div',
        {},
        entry('PNG', () => void panelAsPng(this.chart.canvas, this.panel, this.latest(), this.hooks.theme()).then(
          (blob) => download(blob, `${stem()}.png`),
        )),
        entry('SVG', () => download(this.svg(), `${stem()}.svg`)),
        entry('CSV', () => download(panelAsCsv(this.panel, this.data), `${stem()}.csv`)),
        entry('JSON', () => download(panelAsJson(this.panel, this.data), `${stem()}.json`)),
      ),
    );
    menu.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      menu.removeAttribute('open');
      menu.querySelector('summary')?.focus();
    });
    menu.addEventListener('focusout', (event) => {
      if (!menu.contains(event.relatedTarget as Node | null)) menu.removeAttribute('open');
    });
    return menu;
  }

  private svg(): Blob {
    const { low, high } = this.chart.drawn;
    const text = svgText({
      panel: this.panel,
      data: this.data,
      hidden: this.isHidden,
      window: this.window,
      range: { low, high },
      marks: this.hooks.marks(),
      theme: this.hooks.theme(),
      width: Math.max(this.plotHost.clientWidth, 480),
      height: CHART_HEIGHT,
    });
    return new Blob([text], { type: 'image/svg+xml' });
  }

  private latest(): Cell[] {
    return this.data.values.map((column) => column[column.length - 1] ?? null);
  }

  private showValues(): void {
    const last = this.data.times.length - 1;
    const index = this.cursorIndex !== null && this.cursorIndex <= last ? this.cursorIndex : last;
    this.rows.forEach((row, i) => setText(row.value, formatQuantity(this.data.values[i]?.[index], this.panel.unit)));
    const time = this.data.times[index];
    const atCursor = this.cursorIndex !== null && index !== last && time !== undefined;
    setText(this.when, atCursor ? formatTime(time * 1000, 1000) : '');
  }
}
