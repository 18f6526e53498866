// The last values of many things, each as a small picture.

const LENGTH = 40; // values
const WIDTH = 60;
const HEIGHT = 16;
const SVG = 'http://www.w3.org/2000/svg';

export class Sparks {
  private readonly values = new Map<string, (number | null)[]>();

  add(key: string, value: number | null): void {
    const known = this.values.get(key) ?? [];
    known.push(value);
    if (known.length > LENGTH) known.shift();
    this.values.set(key, known);
  }

  // Forgets all others.
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.values.keys()) if (!keys.has(key)) this.values.delete(key);
  }

  // Filled from zero, the newest value at the right; the top is the largest value. The number beside it
  // says the same, so it is hidden from screen readers.
  draw(key: string): SVGSVGElement {
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute('class', 'spark');
    svg.setAttribute('aria-hidden', 'true');
    const values = this.values.get(key) ?? [];
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', sparkPath(values));
    svg.append(path);
    return svg;
  }
}

export function sparkPath(values: readonly (number | null)[]): string {
  const top = Math.max(1, ...values.map((value) => value ?? 0));
  const step = WIDTH / (LENGTH - 1);
  const left = WIDTH - (values.length - 1) * step;
  const points = values.map((value, i) => {
    const y = HEIGHT - ((value ?? 0) / top) * (HEIGHT - 1);
    return `${(left + i * step).toFixed(1)} ${y.toFixed(1)}`;
  });
  if (points.length < 2) return '';
  return `M${left.toFixed(1)} ${HEIGHT}L${points.join('L')}L${WIDTH} ${HEIGHT}Z`;
}
