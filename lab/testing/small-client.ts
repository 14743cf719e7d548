import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unwrap } from '../../base/fault.ts';
import { makeLog } from '../../base/log.ts';
import { type RunningClient, startClient } from '../../client/client.ts';
import { parseClientConfig } from '../../client/config.ts';
import type { Addresses } from '../rig/coordinator-process.ts';
import type { Operator } from '../rig/operator.ts';
import type { SmallTrack } from './doored-federation.ts';

const histogram = fileURLToPath(new URL('../../client/learning/testing/histogram', import.meta.url));

/** The small detector's track, for so many clusters that all answer. */
export function smallTrack(updates: number): SmallTrack {
  const policy = `
aggregation: { f: 0, before: [], rule: { kind: mean } }
rounds: { goal: { kind: share, ofEnrolled: 1 }, overSelection: 1, quorum: { kind: count, updates: ${updates} }, collectForMs: 600000 }
`;
  return { values: 1_000, policy };
}

/** A whole client with a small detector. It knows every node, and where to enrol first of the last. */
export async function startSmallClient(
  folder: string,
  name: string,
  operator: Operator,
  nodes: readonly Addresses[],
): Promise<RunningClient> {
  const { token } = await operator.call(operator.client.createToken, {
    cluster: name,
    lifetimeSeconds: 3_600,
    labels: [],
  });
  await writeFile(join(folder, `${name}.token`), token);
  await writeFile(join(folder, `${name}.tsv`), `train\t${name}\tnginx\tnormal\tn.1\t0 1 3\n`);
  const config = {
    dataDirectory: `${name}-data`,
    coordinator: {
      addresses: nodes.map(({ federation }) => federation),
      enrolAddress: nodes.map(({ enrolment }) => enrolment).toReversed(), // Nobody listens at the first.
      reconnectSecondsMax: 0.2,
    },
    joinToken: { file: `${name}.token` },
    tracks: [{ id: 'syscall', folder: histogram }],
    sources: [{ kind: 'traceFile', path: `${name}.tsv` }],
    training: { rssMiBMax: 8_192, loopDelayMsMax: 600_000 },
    health: { listen: null },
  };
  const file = { path: join(folder, `${name}.yaml`), text: JSON.stringify(config) };
  return unwrap(await startClient(unwrap(parseClientConfig({ file })), { log: makeLog('silent') }));
}
