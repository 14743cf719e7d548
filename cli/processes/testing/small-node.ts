import { onTestFinished } from 'vitest';
import { lastingPorts } from '../../../base/testing/lasting-ports.ts';
import type { Addresses } from '../../../lab/rig/coordinator-process.ts';
import type { Operator } from '../../../lab/rig/operator.ts';
import { writeTrack } from '../../../lab/testing/doored-federation.ts';
import { smallTrack, startSmallClient } from '../../../lab/testing/small-client.ts';

/** Ports for who must be known before there is one to listen. `host`: of the loopback. */
export async function freePlaces(host = '127.0.0.1'): Promise<Addresses> {
  const ports = await lastingPorts(3, host);
  const [enrolment, federation, health] = ports.map((port) => `${host}:${port}`) as [string, string, string];
  return { enrolment, federation, health };
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
  const client = await startSmallClient(folder, name, operator, nodes);
  onTestFinished(() => client.close());
}
