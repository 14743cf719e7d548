import type { PodFact } from '../cluster/facts.ts';
import { epochKey, epochOf, type Law, lifetimeAt, unitOf } from './lifetimes.ts';
import type { RotationConfig } from './rotation-config.ts';

/** How long each pod lives. A pure function of the secret, the settings and the pod; what was computed is kept. */
export type Schedule = Readonly<{
  law: Law;
  epochMs: number;
  lifetimeMs(pod: Pick<PodFact, 'uid' | 'createdAtMs'>): number;
}>;

/** What is kept of pods that are gone is given up at once, when there is so much. */
const keptMax = 20_000;

/** The bound of lifetimes leaves a replacement its time: the old pod is gone when its bound comes. */
function lawOf({ maxLifetimeMinutes, meanLifetimeMinutes, replacementSecondsMax }: RotationConfig): Law {
  const boundMs = maxLifetimeMinutes * 60_000 - replacementSecondsMax * 1_000;
  return { boundMs, meanMs: Math.min((meanLifetimeMinutes ?? Number.POSITIVE_INFINITY) * 60_000, boundMs / 2) };
}

export function makeSchedule(secret: Buffer, config: RotationConfig): Schedule {
  const law = lawOf(config);
  const epochMs = config.epochMinutes * 60_000;
  const keys = new Map<number, Buffer>();
  const lifetimes = new Map<string, number>();
  const keyOf = (epoch: number): Buffer => {
    const known = keys.get(epoch);
    if (known !== undefined) return known;
    const key = epochKey(secret, epoch);
    keys.set(epoch, key);
    return key;
  };
  return {
    law,
    epochMs,
    lifetimeMs({ uid, createdAtMs }) {
      const known = lifetimes.get(uid);
      if (known !== undefined) return known;
      if (lifetimes.size >= keptMax) lifetimes.clear();
      const lifetimeMs = lifetimeAt(unitOf(keyOf(epochOf(createdAtMs, epochMs)), uid), law);
      lifetimes.set(uid, lifetimeMs);
      return lifetimeMs;
    },
  };
}
