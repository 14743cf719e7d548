import { randomInt } from 'node:crypto';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { alertFlood, askAlertFlood } from './alert-flood.ts';
import { badModel, runBadModel } from './bad-model.ts';
import { killAgent, runKillAgent } from './kill-agent.ts';
import { OperatorsKubectl } from './kubectl.ts';
import { loseCoordinator, runLoseCoordinator } from './lose-coordinator.ts';
import { poison, runPoison } from './poison.ts';
import { quarantineProbe, runQuarantineProbe } from './quarantine-probe.ts';
import type { Rehearsal } from './rehearsal.ts';
import { type Check, canRehearse, type Drill, lateralMovement } from './report.ts';
import { rotateCanary, runRotateCanary } from './rotate-canary.ts';

/** What a person or the schedule says of how drills run here. */
export type DrillSettings = Readonly<{
  namespace: string | undefined;
  image: string;
  kubectl: string;
  /** Options of kubectl's own, before all others. */
  kubectlOptions?: readonly string[];
  lease: string;
  policy: string | undefined;
  pods: string;
  /** lateral-movement: recorded flows of the reader's own, and a model of the flow track as a folder. */
  flows: string | undefined;
  model: string | undefined;
  /** The program of the `testudo` command: what runs in a rehearsal. */
  testudo: string;
}>;

/** A drill that can be run. Rejects where it could not begin or was told to end; what it made is undone by then. */
export type RunnableDrill = Drill &
  Readonly<{ run(settings: DrillSettings, signal: AbortSignal): Promise<Result<readonly Check[]>> }>;

/** With kubectl in the namespace that was named; refused where none was. */
function inNamespace(
  drill: Drill,
  run: (
    kubectl: OperatorsKubectl,
    settings: DrillSettings & { namespace: string },
    signal: AbortSignal,
  ) => Promise<readonly Check[]>,
): RunnableDrill {
  return {
    ...drill,
    async run(settings, signal) {
      const { namespace, kubectl, kubectlOptions } = settings;
      if (namespace === undefined) return refuse('DRILL_SETTING', `${drill.name}: name a namespace with --namespace`);
      return ok(
        await run(new OperatorsKubectl(kubectl, namespace, kubectlOptions, signal), { ...settings, namespace }, signal),
      );
    },
  };
}

/** In a federation of its own, on recorded traces; refused where the package has none. */
function inRehearsal(drill: Drill, run: (rehearsal: Rehearsal) => Promise<readonly Check[]>): RunnableDrill {
  return {
    ...drill,
    async run({ testudo }, signal) {
      if (!canRehearse())
        return refuse('DRILL_SETTING', `${drill.name}: this package has no recorded traces; run it from the source`);
      const { rehearse } = await import('./rehearsal.ts');
      return ok(await rehearse(testudo, signal, run));
    },
  };
}

export const drills: readonly RunnableDrill[] = [
  inNamespace(quarantineProbe, (kubectl, { namespace, image }, signal) =>
    runQuarantineProbe(kubectl, namespace, image, signal),
  ),
  inNamespace(rotateCanary, (kubectl, { image }, signal) => runRotateCanary(kubectl, image, signal)),
  inNamespace(killAgent, (kubectl, { lease }, signal) => runKillAgent(kubectl, lease, signal)),
  { ...alertFlood, run: async (settings) => askAlertFlood(settings) },
  {
    ...lateralMovement,
    async run({ flows, model }) {
      const { runLateralMovement } = await import('./lateral-movement.ts');
      return runLateralMovement({ flows, model, seed: randomInt(1 << 30) });
    },
  },
  inRehearsal(poison, runPoison),
  inRehearsal(badModel, runBadModel),
  inRehearsal(loseCoordinator, runLoseCoordinator),
];
