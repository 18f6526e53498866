// What is wrong with the machine, by the rules of isotach doctor: all of it with evidence and advice,
// and a line on the overview.
import type { Finding, FindingsDocument } from './api';
import { byId, element, setText } from './dom';
import { graveCount, sign, verdictText } from './severity';
import type { ViewSwitch } from './views';

const STRIP_LIMIT = 3;

export class FindingsView {
  private readonly host = byId('findings');
  private readonly strip = byId('strip');
  private readonly verdict = element('p', { class: 'verdict', role: 'status' });
  private readonly note = element('p', { class: 'quiet' }, 'Looking at the machine…');
  private readonly list = element('div', { class: 'cards' });
  private readonly unseen = element('details', { class: 'unseen', hidden: '' });
  private readonly cards = new Map<string, { card: HTMLElement; finding: string }>();
  private drawn = '';

  constructor() {
    this.host.append(element('header', { class: 'lead' }, this.verdict, this.note), this.list, this.unseen);
  }

  recorded(): void {
    setText(this.verdict, 'Recordings hold no findings');
    setText(
      this.note,
      'Findings are about a machine as it runs. Read the plots around a mark, or run isotach doctor on the machine.',
    );
  }

  draw(document: FindingsDocument, views: ViewSwitch): void {
    const { findings, not_checked: unseen } = document;
    const text = JSON.stringify([findings, unseen]);
    if (text === this.drawn) return; // nothing moves under a reader's eyes
    this.drawn = text;
    const words = verdictText(findings);
    this.verdict.replaceChildren(sign(document.verdict), words);
    setText(this.note, 'by the rules of isotach doctor, which looks at the machine as it runs');
    const count = graveCount(document);
    views.badge('findings', count > 0 ? String(count) : '', count > 0 ? `Findings, ${words}` : '', document.verdict);
    this.drawStrip(document, words);
    this.drawCards(findings);
    this.unseen.hidden = unseen.length === 0;
    this.unseen.replaceChildren(
      element('summary', {}, `Not checked: ${unseen.length}`),
      element('ul', {}, ...unseen.map((one) => element('li', {}, one))),
    );
  }

  private drawStrip({ findings, verdict }: FindingsDocument, words: string): void {
    const grave = findings.filter(({ severity }) => severity !== 'info');
    const shown = grave.slice(0, STRIP_LIMIT).map((one) =>
      element('li', {}, sign(one.severity), element('b', {}, one.title), element('span', { class: 'quiet' }, one.evidence)),
    );
    if (grave.length > STRIP_LIMIT) shown.push(element('li', { class: 'quiet' }, `and ${grave.length - STRIP_LIMIT} more`));
    if (grave.length === 0) shown.push(element('li', {}, sign(verdict === 'info' ? 'ok' : verdict), words));
    this.strip.hidden = false;
    this.strip.dataset['level'] = verdict;
    this.strip.replaceChildren(element('ul', {}, ...shown), element('a', { href: '#findings' }, 'Findings'));
  }

  // A card that is still true stays, with what the reader opened in it.
  private drawCards(findings: readonly Finding[]): void {
    const wanted = findings.map((finding) => {
      const key = `${finding.id} ${finding.subject}`;
      const text = JSON.stringify(finding);
      const known = this.cards.get(key);
      if (known?.finding === text) return known.card;
      const card = cardOf(finding);
      if (known?.card.querySelector('details')?.open === true) card.querySelector('details')?.setAttribute('open', '');
      this.cards.set(key, { card, finding: text });
      return card;
    });
    for (const [key, { card }] of this.cards) if (!wanted.includes(card)) this.cards.delete(key);
    this.list.replaceChildren(...wanted);
  }
}

function cardOf(finding: Finding): HTMLElement {
  const more = [
    finding.meaning === '' ? [] : [element('p', {}, finding.meaning)],
    finding.how === '' ? [] : [element('p', {}, element('b', {}, 'How it is measured: '), finding.how)],
    [element('p', { class: 'quiet' }, `${finding.id}${finding.area === '' ? '' : ` · ${finding.area}`}`)],
  ].flat();
  return element(
    'article',
    { class: 'card', 'data-level': finding.severity, 'data-finding': finding.id },
    element('h2', {}, sign(finding.severity), `${finding.severity}: ${finding.title}`),
    element('p', {}, finding.evidence),
    finding.remedy === '' ? '' : element('p', { class: 'remedy' }, element('b', {}, 'What to do: '), finding.remedy),
    element('details', {}, element('summary', {}, 'What this means'), ...more),
  );
}
