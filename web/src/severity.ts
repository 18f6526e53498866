// How grave a finding is, as sign, word and colour: never by colour alone.
import type { Finding, FindingsDocument, Severity } from './api';
import { element } from './dom';

export const SIGNS: Record<Severity | 'ok', string> = { critical: '✖', warning: '▲', info: '•', ok: '✔' };

export function sign(level: Severity | 'ok'): HTMLElement {
  return element('span', { class: 'sign', 'data-level': level, 'aria-hidden': 'true' }, SIGNS[level]);
}

const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

// "1 critical, 2 warnings"; remarks count only where nothing is worse.
export function verdictText(findings: readonly Finding[]): string {
  const of = (severity: Severity): number => findings.filter((one) => one.severity === severity).length;
  const parts: string[] = [];
  if (of('critical') > 0) parts.push(`${of('critical')} critical`);
  if (of('warning') > 0) parts.push(counted(of('warning'), 'warning', 'warnings'));
  if (parts.length > 0) return parts.join(', ');
  return of('info') > 0 ? `Nothing wrong, ${counted(of('info'), 'remark', 'remarks')}` : 'Nothing wrong found';
}

export const graveCount = ({ findings }: FindingsDocument): number =>
  findings.filter(({ severity }) => severity !== 'info').length;
