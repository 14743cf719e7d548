import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { ok, refuse, unwrap } from '../../../base/fault.ts';
import { SimulatedTimers } from '../../../base/simulation/simulated-timers.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import { parseClusterId } from '../../../proto/ids.ts';
import { firstResponsePolicy } from '../../../proto/response-policy.ts';
import type { ResponseCalls } from '../../link/response-calls.ts';
import type { Send } from '../cluster/send.ts';
import { openEvidence, verifyChain } from '../evidence/chain.ts';
import type { SignedRecord } from '../evidence/signed-record.ts';
import { closedBreaker } from '../ladder/breaker.ts';
import { sighting } from '../simulation/sightings.ts';
import { madeAtMs, madeFacts, madePod } from '../testing/made-facts.ts';
import { Desk, type DeskAction, type DeskParts } from './desk.ts';
import { quarantinePart } from './part.ts';
import { Teller } from './teller.ts';

const minuteMs = 60_000;
const now = madeAtMs + 10 * minuteMs;

type Heard = ({ track: string; version: number; open: boolean } | { record: number })[];

/** A coordinator's ear; while `isDumb` it hears, and its answer is lost. */
function earOf(heard: Heard, isDumb = false): ResponseCalls {
  return {
    async journalEvidence({ record }) {
      heard.push({ record: Number(record) });
      return refuse('GRPC_UNAVAILABLE', 'nobody receipts here');
    },
    async reportBreaker({ track, version, open }) {
      heard.push({ track, version: Number(version), open });
      return isDumb ? refuse('GRPC_DEADLINE_EXCEEDED', 'no answer in time') : ok({ sequence: 1n });
    },
    tellStanding: async () => refuse('GRPC_UNIMPLEMENTED', 'an older coordinator'),
  };
}

async function tellerOf(desk: Desk, calls: () => ResponseCalls): Promise<Teller> {
  const teller = await Teller.open({
    ...{ timers: systemTimers, log: pino({ level: 'silent' }), receiptFile: join(tempDir(), 'receipts.json'), calls },
    evidence: () => desk.evidence,
    breaker: () => ({ breaker: desk.memory.breaker, reported: desk.memory.reported ?? null }),
    onReported: (reported) => desk.reported(reported),
  });
  onTestFinished(() => teller.close());
  return teller;
}

/** A desk whose lease is `lease.text`; while `lease.isAway` nobody knows whether a write came to it. */
async function deskWith(
  lease: { text: string | undefined; isAway: boolean },
  dataDirectory = tempDir(),
  more: Partial<DeskParts> = {},
) {
  const object = { metadata: { uid: 'uid-web-1', name: 'web-1' } };
  const send: Send = async ({ path }) =>
    ok({
      status: 200,
      text: JSON.stringify({ items: path.includes('/pods?') ? [object] : [] }),
      retryAfterSeconds: null,
    });
  return await Desk.open({
    ...{ dataDirectory, dataKey: Buffer.alloc(32, 5), cluster: 'eu-1', send, timers: new SimulatedTimers(now) },
    orders: { done: async () => undefined },
    imagesOf: () => [{ container: 'c', image: 'web:1', digest: null, signature: 'unknown' }],
    manifestOf: (track, version) => (track === 'syscall' ? `sha256:of-${version}` : null),
    shared: {
      seen: () => lease.text,
      async keep(text) {
        if (lease.isAway) return refuse('OUTCOME_UNKNOWN', 'no answer');
        lease.text = text;
        return ok(undefined);
      },
    },
    ...more,
  });
}

it('isolates nobody before the next leader would know of the budget, and says it again until he would', async () => {
  const lease = { text: undefined as string | undefined, isAway: true };
  const desk = await deskWith(lease);
  const first = firstResponsePolicy(madeAtMs);
  const evidence = { ...first.evidence, falseActionsPerDay: 10_000 };
  const sightings = ['syscall', 'flow'].flatMap((track) =>
    [2, 4, 6].map((minute) => sighting({ track, atMs: madeAtMs + minute * minuteMs })),
  );
  const part = quarantinePart({
    inputs: () => ({
      ...{ cluster: parseClusterId('eu-1'), cap: 'enforce', sightings, running: [], orders: [] },
      ...{ policy: ok({ ...first, level: 'enforce', evidence }), memory: desk.memory, isShared: desk.isShared },
    }),
    perform: (action) => desk.perform(action),
    onSeen: () => undefined,
  });
  const facts = madeFacts({ pods: [madePod('web-1'), madePod('web-2')] });
  let state = part.first;
  /** What is wanted at this time, and what came of what the desk does. */
  const turn = async (atMs: number) => {
    const next = part.step(state, facts, atMs);
    state = next.state;
    for (const action of next.actions) {
      const done = await part.perform?.(action as DeskAction);
      if (action.kind === 'own' && done !== undefined) state = part.heard(state, action, done, atMs);
    }
    return next.actions.map(({ kind, id }) => (kind === 'own' ? id : `${kind} ${id}`)).sort();
  };
  expect(await turn(now)).toEqual(['breaker', 'record/uid-web-1']);
  expect(desk.memory.begun).toMatchObject([{ uid: 'uid-web-1' }]);
  expect(await turn(now + 3_000)).toEqual(['share']);
  expect(await turn(now + 4_000)).toEqual([]); // It waits for a while.
  lease.isAway = false;
  expect(await turn(now + 6_000)).toEqual(['share']);
  expect(lease.text).toContain('uid-web-1');
  expect(await turn(now + 7_000)).toEqual(['evictPod check/uid-web-1']);
});

it('writes into the evidence which models flagged the pod, by the digests of their manifests', async () => {
  const folder = tempDir();
  const desk = await deskWith({ text: undefined, isAway: false }, folder);
  const sightings = [3, 3, 4].map((modelVersion) => sighting({ atMs: now, track: 'syscall', modelVersion }));
  const of = { pod: madePod('web-1'), workload: 'web', because: {} };
  const record = { kind: 'own', id: 'record', do: 'record', ...of } as const;
  await desk.perform({ ...record, sightings: [...sightings, sighting({ atMs: now, track: 'flow', modelVersion: 9 })] });
  const { records } = await verifyChain(join(folder, 'evidence'));
  const [content] = records.map((one) => unwrap(openEvidence(one, Buffer.alloc(32, 5))));
  expect(content).toMatchObject({
    models: [
      { track: 'syscall', version: 3, manifest: 'sha256:of-3' },
      { track: 'syscall', version: 4, manifest: 'sha256:of-4' },
      { track: 'flow', version: 9, manifest: null },
    ],
  });
});

it('writes into the evidence whose image the pod runs', async () => {
  const folder = tempDir();
  const desk = await deskWith({ text: undefined, isAway: false }, folder);
  const of = { pod: madePod('web-1'), workload: 'web', sightings: [sighting({ atMs: now })], because: {} };
  expect(await desk.perform({ kind: 'own', id: 'record', do: 'record', ...of })).toMatchObject({ ok: true });
  const { records } = await verifyChain(join(folder, 'evidence'));
  const [content] = records.map((record) => unwrap(openEvidence(record, Buffer.alloc(32, 5))));
  expect(content).toMatchObject({ images: [{ container: 'c', digest: null, signature: 'unknown' }] });
});

it('takes evidence however many alerts a pod raises, and however much there is to say of it', async () => {
  const folder = tempDir();
  const node = { memory: 'm'.repeat(12 << 20) };
  const nodeCopy = { take: async () => node, release: async () => undefined };
  const policies = 'p'.repeat(9 << 20);
  const send: Send = async ({ path }) => {
    const pods = [{ metadata: { uid: 'uid-web-1', name: 'web-1' } }];
    const items = path.includes('/pods?') ? pods : path.includes('networkpolicies') ? [policies] : [];
    return ok({ status: 200, text: JSON.stringify({ items }), retryAfterSeconds: null });
  };
  const desk = await deskWith({ text: undefined, isAway: false }, folder, { nodeCopy, send });
  // As many as an agent keeps in mind, each with as long a text.
  const sightings = Array.from({ length: 20_000 }, (_, at) =>
    sighting({ id: `a-${at}`, atMs: now + at, track: at % 2 === 0 ? 'syscall' : 'flow', text: 'x'.repeat(10_000) }),
  );
  const of = { pod: madePod('web-1'), workload: 'web', sightings, because: {} };
  expect(await desk.perform({ kind: 'own', id: 'record', do: 'record', ...of })).toMatchObject({ ok: true });
  const { records, problems } = await verifyChain(join(folder, 'evidence'));
  expect(problems).toEqual([]);
  const [record] = records as [SignedRecord];
  expect([record.head.alerts.length, record.head.alerts.at(-1)]).toEqual([1_000, 'a-19999']);
  const content = unwrap(openEvidence(record, Buffer.alloc(32, 5))) as {
    alerts: { id: string; text: string }[];
    risk: { atMs: number; risk: number }[];
  };
  expect(content).toMatchObject({ node: { unavailable: expect.any(String) }, policies: [policies] });
  expect(content.alerts.map(({ id }) => id)).toEqual(record.head.alerts);
  expect(content.alerts.map(({ text }) => text !== '')).toEqual([...Array(896).fill(false), ...Array(104).fill(true)]);
  // Of one track none that follows another within a minute speaks for itself.
  expect(content.risk).toEqual([
    { atMs: now + 19_000, risk: 2 },
    { atMs: now + 19_001, risk: expect.closeTo(4, 4) },
  ]);
});

it('says of the risk at each alert what was known then', async () => {
  const folder = tempDir();
  const desk = await deskWith({ text: undefined, isAway: false }, folder);
  const sightings = ['syscall', 'flow', 'api'].map((track, at) => sighting({ atMs: now + at * 30 * minuteMs, track }));
  const of = { pod: madePod('web-1'), workload: 'web', sightings, because: {} };
  await desk.perform({ kind: 'own', id: 'record', do: 'record', ...of });
  const { records } = await verifyChain(join(folder, 'evidence'));
  const [content] = records.map((record) => unwrap(openEvidence(record, Buffer.alloc(32, 5))));
  expect(content).toMatchObject({ risk: [2, 3, 3.5].map((risk, at) => ({ atMs: now + at * 30 * minuteMs, risk })) });
});

it('lets a pod go on whose evidence cannot be written', async () => {
  const folder = tempDir();
  const done: string[] = [];
  const nodeCopy = {
    async take() {
      done.push('frozen');
      return {};
    },
    release: async (uid: string) => void done.push(`released ${uid}`),
  };
  const desk = await deskWith({ text: undefined, isAway: false }, folder, { nodeCopy });
  await rm(join(folder, 'evidence'), { recursive: true });
  await writeFile(join(folder, 'evidence'), ''); // As a disk that takes nothing.
  const of = { pod: madePod('web-1'), workload: 'web', sightings: [sighting({ atMs: now })], because: {} };
  const recorded = await desk.perform({ kind: 'own', id: 'record', do: 'record', ...of });
  expect(recorded).toMatchObject({ ok: false, fault: { code: 'CLUSTER_REFUSED' } });
  expect(done).toEqual(['frozen', 'released uid-web-1']);
  expect(desk.memory.begun).toEqual([]);
});

it('opens the breaker on what an agent saw before it was started again, though nobody tells of it any more', async () => {
  const lease = { text: undefined as string | undefined, isAway: false };
  const first = firstResponsePolicy(madeAtMs);
  const policy = ok({ ...first, breaker: { withinMs: 60 * minuteMs, workloadsMax: 2, podShareMax: 1 } });
  const running = [{ track: 'syscall', version: 3, sinceMs: now }];
  const pods = ['a-1', 'b-1', 'c-1'].map((name) => madePod(name));
  /** An agent that has heard of these pods, and looks once. */
  const agent = async (dataDirectory: string, names: readonly string[], isHubThere: boolean) => {
    const desk = await deskWith(lease, dataDirectory);
    const sightings = names.map((pod) => sighting({ pod, workload: pod.slice(0, 1), atMs: now + minuteMs }));
    const part = quarantinePart({
      inputs: () => ({
        ...{ cluster: parseClusterId('eu-1'), cap: 'enforce', sightings, running: isHubThere ? running : [], policy },
        ...{ orders: [], memory: desk.memory, isShared: desk.isShared },
      }),
      perform: (action) => desk.perform(action),
      onSeen: () => undefined,
    });
    for (const action of part.step(part.first, madeFacts({ pods }), now + 2 * minuteMs).actions)
      await part.perform?.(action as DeskAction);
    return desk.memory.breaker.open;
  };
  const folder = tempDir();
  expect(await agent(folder, ['a-1', 'b-1'], true)).toBeNull();
  // The hub is away, and an alert file tells of the third alone; with the lease, and with the folder alone.
  const kept = lease.text;
  lease.text = undefined;
  expect(await agent(folder, ['c-1'], false)).toMatchObject({ counts: { workloads: 3 } });
  lease.text = kept;
  expect(await agent(tempDir(), ['c-1'], false)).toMatchObject({ counts: { workloads: 3 } });
});

const open = { track: 'syscall', version: 3, atMs: now, why: 'too much' };
const breaker = { kind: 'own', id: 'breaker', do: 'breaker', breaker: { ...closedBreaker, open } } as const;
const resume = { kind: 'resume', uid: '', by: 'a test', reason: 'seen', atMs: now } as const;

it('has the coordinator told that a breaker is closed though its answer to the opening was lost', async () => {
  const desk = await deskWith({ text: undefined, isAway: false });
  const heard: Heard = [];
  let ear = earOf(heard, true);
  const teller = await tellerOf(desk, () => ear);
  expect(await desk.perform(breaker)).toMatchObject({ ok: true });
  teller.wake();
  await expect.poll(() => heard).toEqual([{ track: 'syscall', version: 3, open: true }]);
  expect(await desk.perform({ kind: 'own', id: 'order', do: 'order', order: resume })).toMatchObject({ ok: true });
  ear = earOf(heard); // The hub is reached anew, and nobody has started again.
  teller.wake();
  await expect.poll(() => desk.memory.reported).toBe(null);
  expect(heard).toEqual([
    { track: 'syscall', version: 3, open: true },
    { track: 'syscall', version: 3, open: false },
  ]);
});

it('asks for a receipt though nobody takes the breaker, and for neither again at each change in the cluster', async () => {
  const desk = await deskWith({ text: undefined, isAway: false });
  const heard: Heard = [];
  let ear = earOf(heard, true);
  const teller = await tellerOf(desk, () => ear);
  await desk.perform(breaker);
  await desk.perform({ kind: 'own', id: 'judge', do: 'judge', pod: madePod('web-1') });
  const both = [{ track: 'syscall', version: 3, open: true }, { record: 1 }];
  teller.wake();
  await expect.poll(() => heard).toEqual(both);
  for (let change = 0; change < 3; change += 1) {
    teller.wake();
    await new Promise(setImmediate);
  }
  expect(heard).toEqual(both);
  ear = earOf(heard);
  teller.wake();
  await expect.poll(() => heard).toEqual([...both, both[0]]); // Ends of the chain are some seconds apart.
});
