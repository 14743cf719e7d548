import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder } from '../../base/atomic-file.ts';
import type { Trace } from '../../client/events/trace.ts';
import { writeTraces } from '../data/trace-writer.ts';
import type { Addresses } from './coordinator-process.ts';
import { type Member, startMember } from './member.ts';
import type { Operator } from './operator.ts';
import { type FederationPlan, trackName } from './plan.ts';

/** Carried by the canary clusters' join tokens: one assignment then covers them. */
export const canaryLabel = { key: 'ring', value: 'canary' } as const;

const hostileProgram = fileURLToPath(new URL('../hostile/hostile-process.ts', import.meta.url));

/** Starts a cluster's client, honest or not, with a folder, data and a join token of its own. */
export async function startCluster(
  plan: FederationPlan,
  { name, traces }: Readonly<{ name: string; traces: readonly Trace[] }>,
  operator: Operator,
  addresses: Addresses,
): Promise<Member> {
  const folder = join(plan.folder, name);
  const attacks = plan.canaries.get(name);
  makeFolder(folder);
  await writeTraces(join(folder, 'traces.tsv.gz'), name, traces);
  const { token } = await operator.call(operator.client.createToken, {
    cluster: name,
    lifetimeSeconds: 600,
    labels: [
      ...(attacks === undefined ? [] : [canaryLabel]),
      ...(plan.classes?.get(name) ?? []).map((approved) => ({ key: `class-${approved}`, value: 'yes' })),
    ],
  });
  const canary = attacks === undefined ? undefined : await prepareCanary(plan, name, attacks);
  const config = {
    dataDirectory: join(folder, 'data'),
    coordinator: {
      addresses: [addresses.federation],
      enrolAddress: addresses.enrolment,
      reconnectSecondsMax: 1,
    },
    joinToken: { environment: 'TESTUDO_JOIN_TOKEN' },
    tracks: plan.flow === undefined ? [trackName] : [trackName, 'flow'],
    sources: [
      { kind: 'traceFile', path: join(folder, 'traces.tsv.gz') },
      ...(plan.flow === undefined ? [] : [{ kind: 'flowRecording', path: plan.flow.files.get(name) }]),
      ...(canary?.sources ?? []),
    ],
    ...(canary === undefined ? {} : { agent: canary.agent, scoring: canary.scoring }),
    // Both tracks' training, and where a sensor is followed their scoring as well, hold TensorFlow.
    training: { rssMiBMax: 1_500 },
    health: { listen: canary === undefined ? null : '127.0.0.1:0' },
  };
  const configPath = join(folder, 'client.json'); // JSON is YAML.
  await writeFile(configPath, JSON.stringify(config));
  const attacker = plan.hostile.indexOf(name);
  return startMember({
    name,
    args:
      attacker === -1
        ? [plan.testudo, 'client', '--config', configPath]
        : [hostileProgram, configPath, String(attacker), String(plan.seed)],
    env: { TESTUDO_JOIN_TOKEN: token },
    logFile: join(plan.folder, `${name}.log`),
  });
}

/** A canary has a sensor that it follows, and attacks that every release must find. */
async function prepareCanary(plan: FederationPlan, name: string, attacks: readonly Trace[]) {
  const attackSet = join(plan.folder, name, 'attacks.tsv.gz');
  await writeTraces(attackSet, name, attacks, 'attack');
  await writeFile(sensorFile(plan, name), '');
  return {
    sources: [{ kind: 'tetragonFile', path: sensorFile(plan, name) }],
    agent: { attackSets: { [trackName]: attackSet }, shadowReportSeconds: 0.5 },
    // Some services have two dozen traces here: a threshold from few is rough, and better than none in a demonstration.
    scoring: { warmUp: 20, alertRate: 0.02 },
  };
}

/** What Tetragon would export in this cluster. */
export function sensorFile({ folder }: Pick<FederationPlan, 'folder'>, cluster: string): string {
  return join(folder, cluster, 'tetragon.jsonl');
}
