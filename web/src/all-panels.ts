// Every panel of a machine. Panels for interfaces and disks follow from the series that it has.
import type { Series } from './api';
import type { Panel } from './panels';
import { CPU_PANELS, diskPanels, MEMORY_PANELS } from './panels-machine';
import { interfacePanels, PROTOCOL_PANELS, trafficPanels } from './panels-network';

// In the order they are shown. Lines that this machine lacks are left out, and so are panels without lines.
export function panelsFor(series: readonly Series[]): Panel[] {
  const keys = new Map(series.map((one) => [one.key, one]));
  const known = (panel: Panel): Panel => ({
    ...panel,
    lines: panel.lines
      .filter((one) => one.keys.every((key) => keys.has(key)))
      .map((one) => ({ ...one, help: one.keys.map((key) => keys.get(key)?.help ?? '').join('; ') })),
  });
  return [
    ...CPU_PANELS,
    ...interfacePanels(series),
    ...trafficPanels(series),
    ...PROTOCOL_PANELS,
    ...diskPanels(series),
    ...MEMORY_PANELS,
  ]
    .map(known)
    .filter((panel) => panel.lines.length > 0);
}
