// Round times of the local clock for the axis below a plot.

function timeSteps(spanSeconds: number, limit: number): number {
  const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
  steps.push(10800, 21600, 43200, 86400);
  return steps.find((step) => spanSeconds / step <= limit) ?? 86400 * Math.ceil(spanSeconds / 86400 / limit);
}

export function timeTicks(from: number, to: number, limit: number): { step: number; positions: number[] } {
  const step = timeSteps(to - from, Math.max(1, limit));
  const offset = -new Date(from * 1000).getTimezoneOffset() * 60;
  const positions: number[] = [];
  for (let at = Math.ceil((from + offset) / step) * step - offset; at <= to && positions.length < 50; at += step)
    positions.push(at);
  return { step, positions };
}
