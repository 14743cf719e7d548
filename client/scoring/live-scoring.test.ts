import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { HeardLog } from '../../base/testing/heard-log.ts';
import { type LoopbackFederation, startLoopbackFederation } from '../../lab/testing/loopback-federation.ts';
import { readAntibody } from '../../proto/antibody.ts';
import { digestOf } from '../../proto/digest.ts';
import { parseTrackId } from '../../proto/ids.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import { type RunningClient, startClient } from '../client.ts';
import { parseClientConfig } from '../config.ts';
import { gramTableSpec, initialGramTable } from '../tracks/syscall/gram-table/gram-table.ts';
import type { TraceExplanation } from '../tracks/syscall/scoring/explain.ts';
import { WorkloadClasses } from '../tracks/syscall/traces/workload-classes.ts';
import type { Alert } from './alert.ts';
import { leaveFeedback } from './feedback.ts';

const track = parseTrackId('syscall');
const spec = gramTableSpec(new WorkloadClasses(['nginx']), 2 ** 12);
const baseBytes = Buffer.from(bytesOfValues(initialGramTable(spec)));

let folder: string;
let federation: LoopbackFederation;
let client: RunningClient | undefined;
let heard: HeardLog;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-live-'));
  federation = await startLoopbackFederation();
  federation.coordinator.models.set(digestOf(baseBytes), baseBytes);
  heard = new HeardLog();
});
afterEach(async () => {
  await client?.close();
  federation.coordinator.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Resolves once the client has logged this sentence so many times. */
const logged = (sentence: string, count = 1) => heard.until(() => heard.saying(sentence)[count - 1]);

/** A thread of a web server: the same few loops, of different lengths. */
function normalThread(pid: number): string {
  const loop = [
    'epoll_wait(8',
    'accept4(6',
    'recvfrom(3',
    'openat(AT_FDCWD, "/srv/www/index.html"',
    'sendfile(3',
    'close(3',
  ];
  const calls = ['set_robust_list(0', ...Array.from({ length: 3 + (pid % 9) }, () => loop).flat()];
  return `${calls.map((call) => `${pid} ${call}, 0) = 0\n`).join('')}${pid} +++ exited with 0 +++\n`;
}

/** What an intruder's shell does in it. */
function hostileThread(pid: number, extra: string): string {
  const calls = [
    'setuid(0',
    'ptrace(0',
    'openat(AT_FDCWD, "/etc/shadow"',
    'socket(2',
    'connect(3',
    'dup2(3',
    'execve("/bin/sh"',
    extra,
  ];
  return `${calls.map((call) => `${pid} ${call}, 0) = 0\n`).join('')}${pid} +++ exited with 0 +++\n`;
}

async function alerts(): Promise<Alert[]> {
  const text = await readFile(join(folder, 'data/alerts.jsonl'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Alert);
}

/** Waits until a file is not there any more. */
async function gone(path: string): Promise<void> {
  while (existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 10));
}

function counts(running: RunningClient) {
  const local = running.tracks.get(track);
  if (local === undefined) throw new Error('the syscall track is not run');
  return local.buffer.counts();
}

async function start(): Promise<RunningClient> {
  const { enrolPort, memberPort } = federation.coordinator;
  const config = unwrap(
    parseClientConfig({
      file: {
        path: join(folder, 'client.yaml'),
        text: JSON.stringify({
          dataDirectory: 'data',
          coordinator: { addresses: [`127.0.0.1:${memberPort}`], enrolAddress: `127.0.0.1:${enrolPort}` },
          joinToken: { file: 'token' },
          sources: [{ kind: 'strace', path: 'strace.log', workload: 'nginx', follow: true }],
          scoring: { warmUp: 50, alertRate: 0.01 },
          training: { rssMiBMax: 4_096, loopDelayMsMax: 60_000 },
          health: { listen: null },
        }),
      },
    }),
  );
  client = unwrap(await startClient(config, { log: heard.log() }));
  return client;
}

describe('live scoring', () => {
  it('learns what is normal, raises an explained alert, and takes an operator’s word for it', async () => {
    const path = join(folder, 'strace.log');
    await writeFile(join(folder, 'token'), federation.newToken('north'));
    await writeFile(path, Array.from({ length: 120 }, (_, at) => normalThread(1_000 + at)).join(''));
    const running = await start();
    await logged('connected to a coordinator');
    // Nine lengths of the loop: nine different traces, learnt once each.
    while (counts(running).seen < 9) await new Promise((resolve) => setTimeout(resolve, 10));
    federation.coordinator.invite(federation.invitation({ track, spec, baseBytes, round: 'r-1' }));
    await logged('model scores now');
    await logged('receipt verified');

    // Enough live scores to end the warm-up: the baseline has only nine.
    await appendFile(path, Array.from({ length: 60 }, (_, at) => normalThread(2_000 + at)).join(''));
    await appendFile(path, hostileThread(3_000, 'getuid('));
    await logged('alert');
    const [first] = await alerts();
    expect(first?.detail).toMatchObject({ calls: 8, process: { workloadClass: 'nginx', pid: 3_000 } });
    expect(first).toMatchObject({ track, modelVersion: 0, subject: { workloadClass: 'nginx' } });
    expect(first?.score).toBeGreaterThan(first?.threshold ?? Number.POSITIVE_INFINITY);
    const explanation = first?.detail.explanation as TraceExplanation;
    expect(explanation.window.calls.map(({ name }) => name)).toContain('ptrace');
    expect(explanation.nearest?.calls.length).toBe(8);
    expect(first?.text).toContain('least expected calls');
    // It is not learnt from: nine normal traces are all there is.
    expect(counts(running)).toMatchObject({ seen: 9, hard: 0, regression: 0 });

    // A disk that takes nothing keeps it waiting, and the client running.
    const data = join(folder, 'data');
    const inTheWay = join(data, 'feedback/syscall', `${first?.id}.taken`);
    await mkdir(inTheWay, { recursive: true });
    unwrap(await leaveFeedback(data, first?.id ?? '', { verdict: 'false-positive', by: 'ada' }, Date.now()));
    await logged('feedback waits, and could not be taken in');
    await rmdir(inTheWay);
    await logged('feedback taken in');
    expect(counts(running)).toMatchObject({ hard: 1, regression: 0 });

    await appendFile(path, hostileThread(4_000, 'unshare('));
    await logged('alert', 2);
    const second = (await alerts())[1];
    unwrap(await leaveFeedback(data, second?.id ?? '', { verdict: 'confirmed', by: 'ada' }, Date.now()));
    await logged('feedback taken in', 2);
    expect(counts(running)).toMatchObject({ hard: 1, regression: 1 });
    expect(await readFile(join(data, 'feedback.jsonl'), 'utf8')).toContain('"verdict":"confirmed","by":"ada"');

    // Named, confirmed alerts become an antibody of this cluster, for an operator to put; the newest word on each counts.
    const confirmed = { verdict: 'confirmed', by: 'ada', family: 'reverse_shell' } as const;
    expect(unwrap(await leaveFeedback(data, second?.id ?? '', confirmed, Date.now()))).toEqual({ noLonger: undefined });
    await logged('antibody made');
    const own = join(data, 'antibodies/syscall/reverse_shell.json');
    const antibody = unwrap(readAntibody(await readFile(own)));
    expect(antibody).toMatchObject({ cluster: 'north', track, family: 'reverse_shell', examples: 1 });
    const withdrawn = { verdict: 'false-positive', by: 'ada' } as const;
    const left = unwrap(await leaveFeedback(data, second?.id ?? '', withdrawn, Date.now()));
    expect(left).toEqual({ noLonger: 'reverse_shell' });
    await logged('feedback taken in', 4);
    await gone(own);
    await logged('antibody removed: no alert of its family that is kept stands confirmed');

    expect(
      await leaveFeedback(data, 'a-0000000000000000', { verdict: 'confirmed', by: 'ada' }, Date.now()),
    ).toMatchObject({
      fault: { code: 'ALERT_NOT_FOUND' },
    });
  });

  it('goes on after a restart where it stopped, with the model it had', async () => {
    const path = join(folder, 'strace.log');
    await writeFile(join(folder, 'token'), federation.newToken('north'));
    await writeFile(path, Array.from({ length: 80 }, (_, at) => normalThread(1_000 + at)).join(''));
    const first = await start();
    await logged('connected to a coordinator');
    while (counts(first).seen < 9) await new Promise((resolve) => setTimeout(resolve, 10));
    federation.coordinator.invite(federation.invitation({ track, spec, baseBytes, round: 'r-1' }));
    await logged('model scores now');
    await first.close();
    federation.coordinator.stop();
    heard.lines.length = 0;
    // Written while it was away; the coordinator is gone as well.
    await appendFile(path, Array.from({ length: 60 }, (_, at) => normalThread(2_000 + at)).join(''));
    await appendFile(path, hostileThread(3_000, 'getuid('));
    const second = await start();
    await logged('model scores now');
    await logged('alert');
    expect((await alerts()).length).toBe(1);
    // 60 threads and the hostile one: nothing that was read before is read again.
    expect((await second.metrics.observations.get()).values[0]?.value).toBe(61);
  });
});
