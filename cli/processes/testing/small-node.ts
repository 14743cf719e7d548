import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { makeLog } from '../../../base/log.ts';
import { lastingPorts } from '../../../base/testing/lasting-ports.ts';
import { startClient } from '../../../client/client.ts';
import { parseClientConfig } from '../../../client/config.ts';
import type { Addresses } from '../../../lab/rig/coordinator-process.ts';
import type { Operator } from '../../../lab/rig/operator.ts';
import { type SmallTrack, writeTrack } from '../../../lab/testing/doored-federation.ts';

const histogram = fileURLToPath(new URL('../../../client/learning/testing/histogram', import.meta.url));

/** Ports for who must be known before there is one to listen. `host`: of the loopback. */
export async function freePlaces(host = '127.0.0.1'): Promise<Addresses> {
  const ports = await lastingPorts(3, host);
  const [enrolment, federation, health] = ports.map((port) => `${host}:${port}`) as [string, string, string];
  return { enrolment, federation, health };
}

/** The small detector's track, for so many clusters that all answer. */
export function smallTrack(updates: number): SmallTrack {
  const policy = `
aggregation: { f: 0, before: [], rule: { kind: mean } }
rounds: { goal: { kind: share, ofEnrolled: 1 }, overSelection: 1, quorum: { kind: count, updates: ${updates} }, collectForMs: 600000 }
`;
  return { values: 1_000, policy };
}

/** What it begins with: spec.json, model.bin and policy.yaml in a folder. */
export function writeSmallTrack(folder: string, updates: number): Promise<void> {
  return writeTrack(folder, smallTrack(updates));
}

/** Resolves with what `ask` gives once it gives something. */
export async function until<Value>(ask: () => Promise<Value | undefined>): Promise<Value> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A whole client with a small detector, until the test ends. It knows every node, and where to enrol first of the last. */
export async function startNode(
  folder: string,
  name: string,
  operator: Operator,
  nodes: readonly Addresses[],
): Promise<void> {
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
  const client = unwrap(await startClient(unwrap(parseClientConfig({ file })), { log: makeLog('silent') }));
  onTestFinished(() => client.close());
}
