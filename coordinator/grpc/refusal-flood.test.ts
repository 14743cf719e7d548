import { expect, it, onTestFinished } from 'vitest';
import { makeLog } from '../../base/log.ts';
import { refusalCaps } from '../access/refusal-meter.ts';
import { newcomer, settle, type TestCluster } from '../testing/cluster.ts';
import { policyDefault, TestFederation } from '../testing/federation.ts';

/** Runs `work` so many times, a few at once. */
async function repeat(count: number, work: (at: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const line = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: 32 }, line));
}

function logInto(lines: string[]) {
  return makeLog('info', { to: { write: (line: string) => void lines.push(line) } });
}

/** Many times what any cap lets through in a minute; `npm run campaign:refusals` makes more. */
const callsRefused = Number(process.env.TESTUDO_REFUSED_CALLS ?? 2_100);
/** Nobody is late here, however slow the machine is. */
const policy = policyDefault.replace('collectForMs: 60000', 'collectForMs: 3600000');

it('one cluster that is refused two thousand times neither fills journal and log nor silences another', async () => {
  const lines: string[] = [];
  const federation = await TestFederation.start({ log: logInto(lines), policy });
  const [liar, honest] = (await federation.round(['liar', 'honest', 'third'])) as [TestCluster, TestCluster];
  const { header } = await liar.seal(new Float32Array(1000).fill(1));
  const forged = Buffer.alloc(64, 7);
  const madeUp = (at: number) => {
    const part = liar.signed({ ...header, round: `r-${at + 2}` } as typeof header);
    return part.$case === 'header' ? { ...part, value: { ...part.value, signature: forged } } : part;
  };
  await repeat(callsRefused, (at) => liar.send([madeUp(at)]));

  expect((await honest.submit(new Float32Array(1000).fill(1))).ok).toBe(true);
  expect(await honest.submit(new Float32Array(1000).fill(2))).toMatchObject({ fault: { code: 'UPDATE_CONFLICT' } });

  const refused = async () =>
    (await federation.audit()).flatMap(({ actor, event, atMs }) =>
      event.kind === 'refused' && actor.kind === 'cluster' ? [{ ...event, by: actor.cluster as string, atMs }] : [],
    );
  const alarms = (await refused()).filter(({ by }) => by === 'honest');
  expect(alarms).toMatchObject([{ code: 'UPDATE_CONFLICT', alarm: true, round: 'r-1', repeats: 0 }]);

  await federation.restart(); // What is not written yet is summed up.
  const ofLiar = (await refused()).filter(({ by, code }) => by === 'liar' && code !== 'DRAINING'); // Its watch was cut.
  expect(ofLiar.reduce((sum, { repeats }) => sum + 1 + repeats, 0)).toBe(callsRefused);
  const spanMs = (ofLiar.at(-1)?.atMs ?? 0) - (ofLiar[0]?.atMs ?? 0);
  const minutes = 1 + Math.ceil(spanMs / refusalCaps.windowMs);
  const perMinute = refusalCaps.ofPeer + refusalCaps.ofPeerAndCode + 5; // One alarming code, and sums.
  expect(ofLiar.length).toBeLessThanOrEqual(minutes * perMinute);
  expect(lines.filter((line) => line.includes('refused')).length).toBeLessThanOrEqual(minutes * perMinute + 1);
});

it('a stranger gets as many lines of the log as entries of the journal, and a line that sums up the rest', async () => {
  const lines: string[] = [];
  const federation = await TestFederation.start({ log: logInto(lines) });
  const client = newcomer(federation.coordinator.addresses, federation.authority);
  onTestFinished(() => client.close());
  const nothing = Buffer.alloc(0);
  const guess = { token: 'x'.repeat(20), certificateRequest: nothing, signingKey: nothing, signingKeyProof: nothing };
  await repeat(400, () => settle((callback) => client.enrol(guess, callback)));
  await federation.coordinator.close();
  const logged = lines.map((line) => JSON.parse(line)).filter(({ code }) => code === 'TOKEN_UNKNOWN');
  const own = logged.filter(({ msg }) => msg === 'call refused');
  const sums = logged.filter(({ msg }) => msg === 'calls refused, summed up');
  expect(own.length + sums.reduce((sum, { count }) => sum + count, 0)).toBe(400);
  expect(own.length).toBeLessThanOrEqual(2 * refusalCaps.ofPeerAndCode); // Two, should a minute end meanwhile.
});
