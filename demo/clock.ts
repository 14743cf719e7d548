import type { DemoReport } from './report/report.ts';

/** Wall-clock seconds of the main job, phase by phase. */
export type Clock = Readonly<{ lap(phase: string): void; phases(): DemoReport['phases']; seconds(): number }>;

export function startClock(): Clock {
  const startedAt = performance.now();
  let lastAt = startedAt;
  const phases: { phase: string; seconds: number }[] = [];
  return {
    lap(phase) {
      const now = performance.now();
      phases.push({ phase, seconds: (now - lastAt) / 1e3 });
      lastAt = now;
    },
    phases: () => phases,
    seconds: () => (performance.now() - startedAt) / 1e3,
  };
}
