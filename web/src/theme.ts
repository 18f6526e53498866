// Colours come from the stylesheet, which knows light and dark; canvases ask for them here.

const LINE_COUNT = 6;

export interface Theme {
  lines: string[];
  fills: string[];
  text: string;
  quiet: string;
  grid: string;
  surface: string;
  mark: string;
}

export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string): string => style.getPropertyValue(name).trim();
  const indices = [...Array(LINE_COUNT).keys()];
  return {
    lines: indices.map((i) => value(`--line-${i}`)),
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
