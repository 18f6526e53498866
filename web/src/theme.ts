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

// Light or dark as the system says, or as somebody chose by hand; the browser keeps the choice.
export type Scheme = 'auto' | 'light' | 'dark';
const SCHEMES: readonly Scheme[] = ['auto', 'light', 'dark'];
const KEPT_AS = 'isotach-scheme';
const DARK = '(prefers-color-scheme: dark)';

const listeners: (() => void)[] = [];
// The rules for dark colours, whose condition a choice replaces.
let darkRules: CSSMediaRule[] | null = null;

function keptScheme(): Scheme {
  try {
    return SCHEMES.find((one) => one === localStorage.getItem(KEPT_AS)) ?? 'auto';
  } catch {
    return 'auto'; // the browser keeps nothing for this page
  }
}

let shown: Scheme = 'auto';
export const scheme = (): Scheme => shown;

export function showScheme(wanted: Scheme = keptScheme()): void {
  shown = wanted;
  darkRules ??= [...document.styleSheets]
    .flatMap(({ cssRules }) => [...cssRules])
    .filter((rule): rule is CSSMediaRule => rule instanceof CSSMediaRule && rule.media.mediaText === DARK);
  for (const { media } of darkRules) media.mediaText = wanted === 'auto' ? DARK : wanted === 'dark' ? 'all' : 'not all';
  document.documentElement.style.colorScheme = wanted === 'auto' ? '' : wanted;
  for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
    const of = meta.dataset['scheme'] ?? '';
    meta.media = wanted === 'auto' ? `(prefers-color-scheme: ${of})` : wanted === of ? 'all' : 'not all';
  }
  for (const changed of listeners) changed();
}

// The next of: as the system says, light, dark.
export function nextScheme(): void {
  const wanted = SCHEMES[(SCHEMES.indexOf(shown) + 1) % SCHEMES.length] ?? 'auto';
  try {
    if (wanted === 'auto') localStorage.removeItem(KEPT_AS);
    else localStorage.setItem(KEPT_AS, wanted);
  } catch {
    // It is as chosen until the page is loaded again.
  }
  showScheme(wanted);
}

export function onThemeChange(changed: () => void): void {
  listeners.push(changed);
  for (const query of ['(prefers-color-scheme: dark)', '(prefers-contrast: more)', '(forced-colors: active)'])
    matchMedia(query).addEventListener('change', changed);
}
