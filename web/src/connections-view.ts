// The TCP connections of the machine, the fastest first, and what limits each.
import type { Connection, FindingsDocument } from './api';
import { byId, element, setText } from './dom';
import { sign } from './severity';
import { formatQuantity } from './units';
import { Sparks } from './sparks';

export type Column = 'process' | 'local' | 'remote' | 'rate' | 'rtt' | 'lost' | 'cause';

interface Head {
  id: Column;
  title: string;
  number: boolean;
  value(one: Connection): string | number;
}

const GRAVITY: Record<string, number> = { critical: 3, warning: 2, info: 1, '': 0 };

const HEADS: readonly Head[] = [
  { id: 'process', title: 'Program', number: false, value: (one) => one.process },
  { id: 'local', title: 'Here', number: false, value: (one) => one.local },
  { id: 'remote', title: 'There', number: false, value: (one) => one.remote },
  { id: 'rate', title: 'Rate', number: true, value: (one) => one.rate_bits_per_second ?? -1 },
  { id: 'rtt', title: 'Round trip', number: true, value: (one) => one.rtt_ms ?? -1 },
  { id: 'lost', title: 'Sent again', number: true, value: (one) => one.retransmitted_segments ?? -1 },
  { id: 'cause', title: 'What limits it', number: false, value: (one) => GRAVITY[one.severity] ?? 0 },
];

export interface Order {
  by: Column;
  down: boolean; // the largest first
}

// Those whose ends or program hold the words, in the order that was asked for. Where that says nothing,
// the faster one comes first.
export function chosen(connections: readonly Connection[], words: string, order: Order): Connection[] {
  const parts = words.toLowerCase().split(/\s+/).filter((part) => part !== '');
  const head = HEADS.find(({ id }) => id === order.by) as Head;
  const compare = (a: Connection, b: Connection): number => {
    const [one, other] = [head.value(a), head.value(b)];
    const way = typeof one === 'string' ? one.localeCompare(String(other), undefined, { numeric: true }) : one - Number(other);
    return (order.down ? -way : way) || (b.rate_bits_per_second ?? 0) - (a.rate_bits_per_second ?? 0);
  };
  return connections
    .filter((one) => {
      const text = `${one.process} ${one.local} ${one.remote} ${one.cause_name}`.toLowerCase();
      return parts.every((part) => text.includes(part));
    })
    .sort(compare);
}

// The server tells of the fastest hundred that move anything.
const SERVER_LIMIT = 100;

export function busyText(shown: number, all: number): string {
  if (shown >= all) return '';
  if (shown >= SERVER_LIMIT) return `, the ${shown} fastest`;
  return shown === 0 ? ', none of which moves data now' : `, ${shown} of which ${shown === 1 ? 'moves' : 'move'} data`;
}

const keyOf = (one: Connection): string => `${one.local} ${one.remote}`;

export class ConnectionsView {
  private order: Order = { by: 'rate', down: true };
  private document: FindingsDocument | null = null;
  private readonly filter = element('input', {
    type: 'search',
    'aria-label': 'Only connections whose program or addresses hold',
    placeholder: 'program or address  (/)',
    autocomplete: 'off',
  });
  private readonly note = element('p', { class: 'quiet' }, 'Looking at the machine…');
  private readonly heads: HTMLTableCellElement[];
  private readonly body = element('tbody');
  private readonly table: HTMLTableElement;
  private readonly sparks = new Sparks();

  constructor() {
    this.heads = HEADS.map((head) => {
      const button = element('button', { type: 'button' }, head.title);
      button.addEventListener('click', () => this.sort(head));
      return element('th', { scope: 'col', class: head.number ? 'amount' : '' }, button);
    });
    this.table = element(
      'table',
      { class: 'connections', hidden: '' },
      element('caption', { class: 'unseen-text' }, 'TCP connections of this machine'),
      element('thead', {}, element('tr', {}, ...this.heads)),
      this.body,
    );
    this.filter.addEventListener('input', () => this.redraw());
    this.filter.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      this.filter.value = '';
      this.filter.blur();
      this.redraw();
    });
    byId('connections').append(element('header', { class: 'lead' }, this.note, this.filter), this.table);
    this.showOrder();
  }

  recorded(): void {
    this.filter.hidden = true;
    setText(this.note, 'A recording holds no connections: they are shown of a machine as it runs.');
  }

  key(key: string): boolean {
    if (key !== '/') return false;
    this.filter.focus();
    return true;
  }

  draw(document: FindingsDocument, visible: boolean): void {
    if (document !== this.document)
      for (const one of document.connections) this.sparks.add(keyOf(one), one.rate_bits_per_second);
    this.document = document;
    this.sparks.keep(new Set(document.connections.map(keyOf)));
    if (visible) this.redraw();
  }

  private sort(head: Head): void {
    const turned = this.order.by === head.id;
    // Numbers and gravity are looked at from their large end first.
    this.order = { by: head.id, down: turned ? !this.order.down : head.number || head.id === 'cause' };
    this.showOrder();
    this.redraw();
  }

  private showOrder(): void {
    HEADS.forEach(({ id }, i) => {
      const sorted = id === this.order.by ? (this.order.down ? 'descending' : 'ascending') : 'none';
      this.heads[i]?.setAttribute('aria-sort', sorted);
    });
  }

  private redraw(): void {
    if (this.document === null) return;
    const { connections, connection_count: count } = this.document;
    const shown = chosen(connections, this.filter.value, this.order);
    const all = count ?? connections.length;
    const which = `${all} established${busyText(connections.length, all)}`;
    setText(this.note, shown.length < connections.length ? `${which}, ${shown.length} shown` : which);
    this.table.hidden = shown.length === 0;
    this.body.replaceChildren(...shown.map((one) => this.row(one)));
  }

  private row(one: Connection): HTMLElement {
    const cell = (label: string, kind: string, ...content: (Node | string)[]): HTMLElement =>
      element('td', { class: kind, 'data-label': label }, ...content);
    const share = one.share === null || one.share <= 0 ? '' : ` ${formatQuantity(one.share, 'ratio')} of the time`;
    const cause = one.cause_name === '' ? 'nothing' : one.cause_name;
    const words = one.finding === '' ? 'quiet' : '';
    return element(
      'tr',
      { 'data-level': one.severity },
      cell('Program', '', one.process === '' ? '–' : one.process),
      cell('Here', 'number', one.local),
      cell('There', 'number', one.remote),
      cell(
        'Rate',
        'amount number',
        this.sparks.draw(keyOf(one)),
        element('span', { role: 'img', 'aria-label': one.direction }, one.direction === 'sends' ? '↑' : '↓'),
        ` ${formatQuantity(one.rate_bits_per_second, 'bits_per_second')}`,
      ),
      cell('Round trip', 'amount number', one.rtt_ms === null ? '–' : formatQuantity(one.rtt_ms / 1000, 'seconds')),
      cell('Sent again', 'amount number', formatQuantity(one.retransmitted_segments, 'count')),
      cell(
        'What limits it',
        'cause',
        element(
          'span',
          { class: words },
          one.severity === '' ? '' : sign(one.severity),
          `${cause}${share}`,
        ),
        one.evidence === '' ? '' : element('span', { class: 'quiet' }, one.evidence),
      ),
    );
  }
}
