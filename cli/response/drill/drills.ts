import { ok, type Result, refuse } from '../../../base/fault.ts';
import { alertFlood, askAlertFlood } from './alert-flood.ts';
import { killAgent, runKillAgent } from './kill-agent.ts';
import { OperatorsKubectl } from './kubectl.ts';
import { quarantineProbe, runQuarantineProbe } from './quarantine-probe.ts';
import type { Check, Drill } from './report.ts';
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

export const drills: readonly RunnableDrill[] = [
  inNamespace(quarantineProbe, (kubectl, { namespace, image }, signal) =>
    runQuarantineProbe(kubectl, namespace, image, signal),
  ),
  inNamespace(rotateCanary, (kubectl, { image }, signal) => runRotateCanary(kubectl, image, signal)),
  inNamespace(killAgent, (kubectl, { lease }, signal) => runKillAgent(kubectl, lease, signal)),
  { ...alertFlood, run: async (settings) => askAlertFlood(settings) },
];
