// A panel's visible part as a file.
import type { Cell } from './api';
import type { Panel } from './panels';
import type { PlotData } from './plot-data';
import type { Theme } from './theme';
import { formatQuantity } from './units';

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csvText(panel: Panel, data: PlotData): string {
  const head = ['time', 'sample', ...panel.lines.map((line) => `${line.title} (${panel.unit})`)];
  const rows = [head.map(quoted).join(',')];
  data.times.forEach((time, i) => {
    if (data.numbers[i] === 0) return; // a gap put in for drawing
    const cells = data.values.map((column) => String(column[i] ?? ''));
    rows.push([new Date(time * 1000).toISOString(), String(data.numbers[i]), ...cells].join(','));
  });
  return `${rows.join('\r\n')}\r\n`;
}

export function jsonText(panel: Panel, data: PlotData): string {
  const kept = data.numbers.flatMap((number, i) => (number === 0 ? [] : [i]));
  const pick = <T>(column: readonly T[]): T[] => kept.map((i) => column[i] as T);
  return `${JSON.stringify(
    {
      schema: 'isotach.web.panel.v1',
      panel: panel.title,
      unit: panel.unit,
      number: pick(data.numbers),
      wall_time_ms: pick(data.times).map((time) => Math.round(time * 1e6) / 1e3),
      series: panel.lines.map((line, i) => ({
        keys: line.keys,
        title: line.title,
        values: pick(data.values[i] ?? []),
      })),
    },
    null,
    1,
  )}\n`;
}

export const panelAsCsv = (panel: Panel, data: PlotData): Blob =>
  new Blob([csvText(panel, data)], { type: 'text/csv' });

export const panelAsJson = (panel: Panel, data: PlotData): Blob =>
  new Blob([jsonText(panel, data)], { type: 'application/json' });

// The plot as it is seen, with its title above and its legend below.
export function panelAsPng(
  plot: HTMLCanvasElement,
  panel: Panel,
  latest: readonly Cell[],
  theme: Theme,
): Promise<Blob> {
  const ratio = devicePixelRatio;
  const margin = 16 * ratio;
  const head = 34 * ratio;
  const foot = 30 * ratio;
  const canvas = document.createElement('canvas');
  canvas.width = plot.width + 2 * margin;
  canvas.height = plot.height + head + foot + 2 * margin;
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  context.fillStyle = theme.surface;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = theme.text;
  context.textBaseline = 'middle';
  context.font = `600 ${16 * ratio}px system-ui, sans-serif`;
  context.fillText(panel.title, margin, margin + head / 2 - 4 * ratio);
  context.drawImage(plot, margin, margin + head);
  context.font = `${12 * ratio}px system-ui, sans-serif`;
  let x = margin;
  const y = margin + head + plot.height + foot / 2 + 4 * ratio;
  panel.lines.forEach((line, i) => {
    const text = `${line.title} ${formatQuantity(latest[i], panel.unit)}`;
    context.fillStyle = theme.lines[line.colour] ?? theme.text;
    context.fillRect(x, y - 2 * ratio, 14 * ratio, 4 * ratio);
    context.fillStyle = theme.text;
    context.fillText(text, x + 20 * ratio, y);
    x += 20 * ratio + context.measureText(text).width + 18 * ratio;
  });
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob === null ? reject(new Error('the plot cannot be drawn')) : resolve(blob))),
  );
}

export function download(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
