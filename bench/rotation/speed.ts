import { rotationPart } from '../../client/response/rotation/rotation.ts';
import { rotationConfig } from '../../client/response/rotation/rotation-config.ts';
import { makeSchedule } from '../../client/response/rotation/schedule.ts';
import {
  madeAtMs,
  madeBudget,
  madeDeployment,
  madeFacts,
  madePod,
  madeSet,
} from '../../client/response/testing/made-facts.ts';

/**
 * Milliseconds of one look at 1,000 pods of 100 workloads with a budget each, half of the pods due; p50 and p99 of `looks`.
 * `anew`: every due time is drawn in each look, as only the first of an agent does.
 */
export function planSpeed(looks: number, anew: boolean, workloads = 100, podsEach = 10) {
  const names = Array.from({ length: workloads }, (_, at) => `app-${at}`);
  const facts = madeFacts({
    pods: names.flatMap((app) =>
      Array.from({ length: podsEach }, (_, at) =>
        madePod(`${app}-${at}`, {
          labels: { app, 'pod-template-hash': 'h' },
          owner: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: app, uid: `set-${app}` },
          node: `node-${at}`,
        }),
      ),
    ),
    replicaSets: names.map((name) =>
      madeSet({
        uid: `set-${name}`,
        name,
        replicas: podsEach,
        owner: { apiVersion: 'apps/v1', kind: 'Deployment', name, uid: name },
      }),
    ),
    deployments: names.map((name) =>
      madeDeployment({ uid: name, name, replicas: podsEach, updatedReplicas: podsEach }),
    ),
    budgets: names.map((app) =>
      madeBudget({
        uid: `budget-${app}`,
        name: app,
        selector: { matchLabels: { app }, matchExpressions: [] },
        currentHealthy: podsEach,
      }),
    ),
  });
  const config = rotationConfig.parse({ mode: 'rotate', maxLifetimeMinutes: 60 });
  const times: number[] = [];
  const cpuTimes: number[] = [];
  let begun = 0;
  const kept = makeSchedule(Buffer.alloc(32, 3), config);
  // The first looks make the code fast, and are not what an agent's day is made of.
  const warmUp = Math.min(looks, 50);
  for (let at = -warmUp; at < looks; at += 1) {
    const schedule = anew ? makeSchedule(Buffer.alloc(32, 3), config) : kept;
    const part = rotationPart({ config, schedule, isPaused: () => false });
    const startedAt = performance.now();
    const cpuBefore = process.cpuUsage();
    const { actions, state } = part.step(part.first, facts, madeAtMs + 30 * 60_000);
    const cpu = process.cpuUsage(cpuBefore);
    if (at >= 0) times.push(performance.now() - startedAt);
    if (at >= 0) cpuTimes.push((cpu.user + cpu.system) / 1_000);
    begun = actions.length;
    const waits = state.seen?.waits.length ?? 0;
    if (begun !== 2 || waits < (workloads * podsEach) / 3)
      throw new Error(`a look at half of the pods due began ${begun} and left ${waits}`);
  }
  return { pods: workloads * podsEach, ...quantiles(times, ''), ...quantiles(cpuTimes, 'Cpu') };
}

export type Speed = ReturnType<typeof planSpeed>;

/** Of the wall's time, and of the processor's: on a machine that others use, the first says how long we waited for them. */
function quantiles<Name extends '' | 'Cpu'>(times: number[], name: Name) {
  times.sort((a, b) => a - b);
  const quantile = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))] as number;
  return { [`p50${name}Ms`]: quantile(0.5), [`p99${name}Ms`]: quantile(0.99) } as Record<
    `p${50 | 99}${Name}Ms`,
    number
  >;
}
