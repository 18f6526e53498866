// The views of the page and which one is shown. The address says it (#memory), so that a link, a
// bookmark and the back button work.
import { byId, element, setText } from './dom';

export type ViewId = 'overview' | 'memory' | 'network' | 'connections' | 'findings' | 'files';

export interface View {
  id: ViewId;
  title: string;
  key: string; // of the keyboard
  plots: boolean; // shows panels over time
}

export const VIEWS: readonly View[] = [
  { id: 'overview', title: 'Overview', key: 'o', plots: true },
  { id: 'memory', title: 'Memory', key: 'm', plots: true },
  { id: 'network', title: 'Network', key: 'n', plots: true },
  { id: 'connections', title: 'Connections', key: 'c', plots: false },
  { id: 'findings', title: 'Findings', key: 'f', plots: false },
  { id: 'files', title: 'Recordings & reports', key: 'r', plots: false },
];

// The view that an address asks for; none where it asks for something else.
export const viewOfHash = (hash: string): View | undefined => VIEWS.find(({ id }) => `#${id}` === hash);

export class ViewSwitch {
  private shown: View = viewOfHash(location.hash) ?? (VIEWS[0] as View);
  private readonly links = new Map<ViewId, HTMLAnchorElement>();
  private readonly badges = new Map<ViewId, HTMLElement>();

  constructor(private readonly changed: () => void) {
    const list = VIEWS.map(({ id, title, key }) => {
      const badge = element('span', { class: 'badge', hidden: '' });
      const link = element('a', { href: `#${id}`, title: `${title} (${key})` }, title, badge);
      this.links.set(id, link);
      this.badges.set(id, badge);
      return element('li', {}, link);
    });
    byId('views').append(...list);
    addEventListener('hashchange', () => {
      const wanted = viewOfHash(location.hash);
      if (wanted === undefined || wanted === this.shown) return;
      this.shown = wanted;
      this.show();
      scrollTo(0, 0);
      this.changed();
    });
    this.show();
  }

  get current(): View {
    return this.shown;
  }

  // True when the key belongs to a view.
  key(key: string): boolean {
    const wanted = VIEWS.find((one) => one.key === key);
    if (wanted !== undefined) location.hash = wanted.id;
    return wanted !== undefined;
  }

  // A short remark beside a view's name, such as how many findings there are; `spoken` says it in words.
  badge(id: ViewId, text: string, spoken = '', level = ''): void {
    const badge = this.badges.get(id) as HTMLElement;
    badge.hidden = text === '';
    setText(badge, text);
    badge.dataset['level'] = level;
    if (spoken === '') this.links.get(id)?.removeAttribute('aria-label');
    else this.links.get(id)?.setAttribute('aria-label', spoken);
  }

  private show(): void {
    for (const [id, link] of this.links) {
      if (id === this.shown.id) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    this.links.get(this.shown.id)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    byId('plots').hidden = !this.shown.plots;
    byId('ranges').hidden = !this.shown.plots;
    for (const { id, plots } of VIEWS) if (!plots) byId(id).hidden = id !== this.shown.id;
    byId('tiles').hidden = this.shown.id !== 'overview';
    document.documentElement.dataset['view'] = this.shown.id;
  }
}
