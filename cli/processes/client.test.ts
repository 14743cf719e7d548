import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { startClient } from '../../client/client.ts';
import { readClientConfig } from '../../client/config.ts';
import { initialLanguageModel } from '../../client/tracks/syscall/language-model/language-model.ts';
import { languageModelSpec } from '../../client/tracks/syscall/language-model/language-model-spec.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { parseTrackPolicy } from '../../coordinator/config/policy.ts';
import { createTrack } from '../../coordinator/ledger/track-changes.ts';
import { operator, TestFederation, track } from '../../coordinator/testing/federation.ts';
import { startTcpProxy, type TcpProxy } from '../../lab/testing/tcp-proxy.ts';
import { parseTrackId } from '../../proto/ids.ts';
import { bytesOfValues } from '../../proto/layout.ts';

const testudo = fileURLToPath(new URL('../testudo.ts', import.meta.url));
const histogram = fileURLToPath(new URL('../../client/learning/testing/histogram', import.meta.url));
const names = ['north', 'south', 'west'] as const;

let folder: string;
const processes: ChildProcess[] = [];
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-cli-client-'));
});
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
  for (const child of processes.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await rm(folder, { recursive: true, force: true });
});

/** Writes a cluster's traces, token and configuration; returns the configuration's path. */
async function prepare(
  federation: TestFederation,
  name: string,
  memberPort: number,
  tracks: readonly object[],
): Promise<string> {
  const lines = Array.from({ length: 12 }, (_, at) => {
    const calls = Array.from({ length: 40 }, (_, index) => [0, 1, 3, 257, 9][(index * (1 + (at % 3))) % 5]);
    return `train\t${name}\tnginx\tnormal\tnginx.${at}\t${[...calls, at].join(' ')}`;
  });
  await writeFile(join(folder, `${name}.tsv`), `${lines.join('\n')}\n`);
  await writeFile(join(folder, `${name}.token`), await federation.token(name));
  const path = join(folder, `${name}.yaml`);
  const config = {
    dataDirectory: `${name}-data`,
    coordinator: {
      addresses: [`127.0.0.1:${memberPort}`],
      enrolAddress: federation.coordinator.addresses.enrolment,
      reconnectSecondsMax: 0.2,
    },
    joinToken: { file: `${name}.token` },
    tracks,
    sources: [{ kind: 'traceFile', path: `${name}.tsv` }],
    training: { coresMax: 4, rssMiBMax: 4_096, loopDelayMsMax: 60_000 },
    health: { listen: null },
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

describe('testudo client', () => {
  it('takes a real model through a round: three processes, a real coordinator, mutual TLS', async () => {
    const federation = await TestFederation.start();
    const { engine, addresses } = federation.coordinator;
    const spec = languageModelSpec(new WorkloadClasses(['nginx']));
    const modelDigest = unwrap(await engine.blobs.put(bytesOfValues(initialLanguageModel(spec, 1))));
    const policy = unwrap(
      parseTrackPolicy(`
aggregation: { f: 0, before: [], rule: { kind: mean } }
rounds: { goal: { kind: share, ofEnrolled: 1 }, overSelection: 1, quorum: { kind: count, updates: 3 }, collectForMs: 110000 }
training: { epochs: 1, stepsMax: 3, batchSize: 8, learningRate: 0.01 }
`),
    );
    const calls = parseTrackId('calls');
    unwrap(await createTrack(engine, operator, { track: calls, spec, policy, modelDigest, reason: 'test' }));
    const outputs = new Map<string, string>();
    for (const name of names) {
      const config = await prepare(federation, name, portOf(addresses.federation), [
        { id: 'calls', folder: 'syscall' },
      ]);
      const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', testudo, 'client', '-c', config]);
      processes.push(child);
      child.stdout?.on('data', (text) => outputs.set(name, `${outputs.get(name) ?? ''}${text}`));
      child.stderr?.on('data', (text) => outputs.set(name, `${outputs.get(name) ?? ''}${text}`));
    }
    await federation.until((state) => state.clusters.size === 3);
    unwrap(await engine.openRound(operator, { track: calls, reason: 'test' }));
    await federation.until((state) => state.tracks.get(calls)?.models.length === 2);
    const ended = Promise.all(processes.map((child) => once(child, 'close')));
    for (const child of processes) child.kill('SIGTERM');
    expect((await ended).map(([code]) => code)).toEqual([0, 0, 0]);
    // A member of the round knows nothing of the others' data, and its log says no call and no key.
    for (const name of names) {
      const text = outputs.get(name) ?? '';
      expect(text).toContain('"msg":"member of a federation"');
      expect(text).not.toMatch(/PRIVATE KEY|testudo1\./);
    }
  });

  it('says everything that is wrong with its configuration and ends with 1', async () => {
    const path = join(folder, 'bad.yaml');
    await writeFile(path, 'dataDirectory: here\nspeed: 9\n');
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', testudo, 'client', '-c', path]);
    processes.push(child);
    let text = '';
    child.stderr?.on('data', (chunk) => {
      text += chunk;
    });
    const [code] = await once(child, 'close'); // By its end alone its last words may not have come.
    expect(code).toBe(1);
    expect(text).toContain('coordinator');
    expect(text).toContain('speed');
  });
});

describe('clients of a coordinator', () => {
  it('deliver what they trained after it was restarted under them, once', async () => {
    const federation = await TestFederation.start({ values: 1_000, architecture: 'histogram/1' });
    let proxy: TcpProxy | undefined;
    let memberPort = portOf(federation.coordinator.addresses.federation);
    proxy = await startTcpProxy(() => memberPort);
    closing.push(() => proxy.close());
    let kept = 0;
    let cut: () => void = () => undefined;
    const firstKept = new Promise<void>((resolve) => {
      cut = resolve;
    });
    for (const name of names) {
      const config = unwrap(
        readClientConfig(await prepare(federation, name, proxy.port, [{ id: track, folder: histogram }])),
      );
      const client = unwrap(
        await startClient(config, {
          log: pino({ level: 'silent' }),
          onReport: ({ kind }) => {
            if (kind !== 'kept') return;
            kept += 1;
            // Before the bytes can arrive: the line is dead from here.
            if (kept === 1) {
              proxy.cut();
              cut();
            }
          },
        }),
      );
      closing.unshift(() => client.close());
    }
    await federation.until((state) => state.clusters.size === 3);
    const round = await federation.openRound();
    await firstKept;
    await federation.restart();
    memberPort = portOf(federation.coordinator.addresses.federation);
    proxy.mend();
    await federation.until((now) => now.tracks.get(track)?.models.length === 2);
    const state = federation.coordinator.engine.state().tracks.get(track);
    expect(state?.rounds.get(round as never)?.phase).toMatchObject({ kind: 'candidate', candidate: { version: 1 } });
    expect(kept).toBe(3);
  });
});
