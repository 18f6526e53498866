// Colours come from the stylesheet, which knows light and dark; canvases ask for them here.

const LINE_COUNT = 6;
const AREA_SHARE = 0.6;

export interface Theme {
  lines: string[];
  fills: string[];
  areas: string[]; // opaque, for stacks
  text: string;
  quiet: string;
  grid: string;
  surface: string;
  mark: string;
}

// Between two colours written as #rrggbb.
export function blend(colour: string, under: string, share: number): string {
  const parts = (text: string): number[] => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  const below = parts(under);
  const mixed = parts(colour).map((part, i) => Math.round(part * share + (below[i] ?? 0) * (1 - share)));
  return `rgb(${mixed.join(' ')})`;
}

export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string): string => style.getPropertyValue(name).trim();
  const indices = [...Array(LINE_COUNT).keys()];
  return {
    lines: indices.map((i) => value(`--line-${i}`)),
    areas: indices.map((i) => blend(value(`--line-${i}`), value('--surface'), AREA_SHARE)),
    fills: indices.map((i) => value(`--fill-${i}`)),
    text: value('--text'),
    quiet: value('--quiet'),
    grid: value('--grid'),
    surface: value('--surface'),
    mark: value('--mark'),
  };
}

export const prefersReducedMotion = (): boolean => matchMedia('(prefers-reduced-motion: reduce)').matches;

export function onThemeChange(changed: () => void): void {
  for (const query of ['(prefers-color-scheme: dark)', '(prefers-contrast: more)', '(forced-colors: active)'])
    matchMedia(query).addEventListener('change', changed);
}
