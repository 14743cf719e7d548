import { z } from 'zod';

const minutes = z.number().positive().max(525_600);
const clock = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'expected HH:MM in UTC');

export const rotationConfig = z.strictObject({
  /** observe: it says what it would do, and does nothing. */
  mode: z.enum(['off', 'observe', 'rotate']).default('off'),
  /** No pod is older, or the reason is named. */
  maxLifetimeMinutes: minutes.default(1_440),
  /** Half of the bound unless given; less costs more rotations, and leaves an attacker who times his attack less. */
  meanLifetimeMinutes: minutes.optional(),
  /** What a risk of 1, an alert's threshold, adds to the rate at which a lifetime is used up. */
  riskWeight: z.number().min(0).max(1_000).default(20),
  /** What an exposure of 1 adds to it: the most exposed pod lives 1 / (1 + postureWeight) as long. 0: all alike. */
  postureWeight: z.number().min(0).max(4).default(1),
  maxInFlight: z
    .strictObject({
      workload: z.int().min(1).max(100).default(1),
      node: z.int().min(1).max(100).default(1),
      cluster: z.int().min(1).max(1_000).default(2),
    })
    .prefault({}),
  /** Ready pods that a workload without a disruption budget keeps; one less than it wants, and at least one, unless given. */
  minReady: z.int().min(0).max(10_000).optional(),
  /** A replacement that is not ready by then never will be: the rotation is undone, and the workload left alone for a while. */
  replacementSecondsMax: z.number().min(1).max(86_400).default(300),
  /** How long a workload is left alone after a replacement that never was ready. */
  retryMinutes: minutes.default(60),
  /** So many workloads that failed within `retryMinutes` stop all rotation. */
  failuresMax: z.int().min(1).max(100).default(3),
  /** After a change of a workload's size it is left alone for so long. */
  settleSeconds: z.number().min(0).max(86_400).default(60),
  /** Whether pods with data of their own (emptyDir, hostPath) are rotated and lose them. */
  localData: z.enum(['skip', 'lose']).default('skip'),
  /** Hours in which rotations begin, in UTC; always where there is none. `days`: 1 is Monday. */
  windows: z
    .array(
      z.strictObject({
        days: z.array(z.int().min(1).max(7)).min(1).max(7).default([1, 2, 3, 4, 5, 6, 7]),
        from: clock,
        /** Before `from`: of the next day. */
        to: clock,
      }),
    )
    .max(64)
    .default([]),
  /** Nothing begins in between, whatever is due. */
  freezes: z
    .array(z.strictObject({ from: z.iso.datetime({ offset: true }), to: z.iso.datetime({ offset: true }) }))
    .max(64)
    .default([]),
  /** How long one key draws lifetimes. */
  epochMinutes: minutes.default(1_440),
  /** 32 bytes or more that only the agents know; made in the data directory where none is given. */
  secretFile: z.string().min(1).max(4_096).optional(),
});

export type RotationConfig = z.infer<typeof rotationConfig>;

/** What single settings do not show. */
export function problemsOfRotation(config: RotationConfig): string[] {
  const { maxLifetimeMinutes, meanLifetimeMinutes, replacementSecondsMax, freezes } = config;
  const problems: string[] = [];
  const boundMinutes = maxLifetimeMinutes - replacementSecondsMax / 60;
  if (boundMinutes <= 0) {
    problems.push(
      `rotation: a replacement may take replacementSecondsMax (${replacementSecondsMax} s), which is not less than ` +
        `maxLifetimeMinutes (${maxLifetimeMinutes}): no pod could be gone in time`,
    );
  }
  if (meanLifetimeMinutes !== undefined && meanLifetimeMinutes > boundMinutes / 2) {
    problems.push(
      `rotation: meanLifetimeMinutes (${meanLifetimeMinutes}) may be at most half of maxLifetimeMinutes less the time of ` +
        `a replacement (${boundMinutes / 2}): a longer mean would make lifetimes predictable`,
    );
  }
  for (const { from, to } of freezes) {
    if (Date.parse(from) >= Date.parse(to))
      problems.push(`rotation: a freeze ends before it begins (${from} to ${to})`);
  }
  return problems;
}
