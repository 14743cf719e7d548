import { onTestFinished } from 'vitest';
import { systemTimers } from '../../../base/system-timers.ts';
import type { SourceItem } from '../../events/source-item.ts';
import { PodWatch, type PodWatchConfig } from '../pod-watch.ts';

/** Time that is real, but for pauses: they take nothing. `late` fires what waits for silence. */
export function hurried() {
  const waiting = new Set<() => void>();
  const timers = {
    ...systemTimers,
    after(delayMs: number, act: () => void, options?: Parameters<typeof systemTimers.after>[2]) {
      if (delayMs !== 90_000) return systemTimers.after(delayMs > 10_000 ? delayMs : 0, act, options);
      waiting.add(act);
      const timer = systemTimers.after(1e9, () => undefined, { background: true });
      cancels.set(timer, act);
      return timer;
    },
    cancel(timer: Parameters<typeof systemTimers.cancel>[0]) {
      const act = timer === undefined ? undefined : cancels.get(timer);
      if (act !== undefined) waiting.delete(act);
      systemTimers.cancel(timer);
    },
  };
  const cancels = new Map<object, () => void>();
  return {
    timers,
    silence() {
      for (const act of [...waiting]) act();
    },
    waits: () => waiting.size,
  };
}

export function watchPods(config: PodWatchConfig, timers = hurried().timers) {
  const ended: (string | undefined)[] = [];
  const counts = { known: 0, leftOut: 0 };
  let wake: () => void = () => undefined;
  const pods = new PodWatch(config, {
    timers,
    unit: () => 0.5,
    onEnded: (fault) => {
      ended.push(fault?.code);
      wake();
    },
    onCounts: (now) => {
      Object.assign(counts, now);
      wake();
    },
  });
  onTestFinished(() => pods.close());
  /** Resolves once it holds, looked at whenever anything was told. */
  const until = async (holds: () => boolean) => {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        wake = () => resolve();
      });
    }
  };
  return { pods, ended, counts, until };
}

/** A call of a process of which the sensor knows little. */
export const call = (
  id: string,
  known: Partial<Extract<SourceItem, { kind: 'call' }>['process']> = {},
): SourceItem => ({
  kind: 'call',
  thread: 't',
  process: {
    node: '',
    namespace: '',
    workload: '',
    pod: '',
    container: '',
    containerId: id,
    binary: '/bin/x',
    pid: 1,
    workloadClass: 'x',
    ...known,
  },
  call: 1,
  argumentClass: 0,
  atMs: 0,
});

/** The pod that a call of this container is completed with. */
export const podOf = (pods: PodWatch, id: string) => {
  const [item] = pods.enrich([call(id)]);
  return item?.kind === 'call' ? item.process.pod : undefined;
};
