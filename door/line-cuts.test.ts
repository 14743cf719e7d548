import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { fatesOf, foundDoored, useStores } from '../cli/processes/testing/doored-federation.ts';
import { until } from '../cli/processes/testing/small-node.ts';
import { readCredentials } from '../coordinator/keys/operator-credentials.ts';
import { chunksOf, enrolCluster, type TestCluster } from '../coordinator/testing/cluster.ts';
import { HeldLine } from '../coordinator/testing/held-line.ts';
import type { Receipt } from '../proto/generated/testudo/v1/common.ts';
import { UpdateFate } from '../proto/generated/testudo/v1/operator.ts';

const track = 'syscall';
const ways = ['toServer', 'toClient'] as const;
/** So many cuts each way: `npm run campaign:lines` has more. */
const cutsEachWay = Number(process.env.TESTUDO_LINE_CUTS ?? 6);
const stores = useStores();

type Update = Awaited<ReturnType<TestCluster['seal']>>;

it('a line to the leader that is cut after any number of bytes of an update: each is counted once, and none is lost', async () => {
  const count = 2 * cutsEachWay + 1;
  const enrolments = { burst: count, perMinute: 60 };
  const federation = await foundDoored(stores(), 'line', count, { enrolments });
  const leader = await federation.startCoordinator();
  const operator = await federation.operatorAt(leader.addresses.federation);
  const line = await HeldLine.open(() => Number(leader.addresses.federation.split(':')[1]));
  onTestFinished(() => line.close());
  const seenByDoor = { ...leader.addresses, federation: `127.0.0.1:${line.port}` };
  const door = await federation.startDoor(await federation.addDoor('edge', [leader.addresses], seenByDoor));
  const { authority } = unwrap(await readCredentials(`${federation.folder}/operator.json`));
  const reached = { ...door.addresses, enrolment: leader.addresses.enrolment };
  const members: TestCluster[] = [];
  for (let number = 0; number < count; number++) {
    const asked = { cluster: `c-${number}`, lifetimeSeconds: 3_600, labels: [] };
    const { token } = await operator.call(operator.client.createToken, asked);
    const member = unwrap(await enrolCluster(reached, authority, token));
    onTestFinished(() => member.close());
    await member.watch([track]);
    members.push(member);
  }
  const page = { page: { size: 500, token: '' } };
  await until(async () => {
    const { clusters } = await operator.call(operator.client.listClusters, page);
    return clusters.filter(({ connected }) => connected).length === count || undefined;
  });
  const { round } = await operator.call(operator.client.openRound, { track, reason: 'test' });

  // One that nobody cuts says how many bytes there are to cut at.
  const [whole, ...rest] = members as [TestCluster, ...TestCluster[]];
  const before = { ...line.came };
  const receipts = [unwrap(await sent(whole, await sealed(whole)))];
  const bytes = { toServer: line.came.toServer - before.toServer, toClient: line.came.toClient - before.toClient };
  expect(Math.min(...Object.values(bytes))).toBeGreaterThan(100);
  let lost = 0;
  for (const [number, member] of rest.entries()) {
    const way = ways[number % 2] as (typeof ways)[number];
    const after = 1 + Math.floor((Math.floor(number / 2) / cutsEachWay) * bytes[way]);
    const update = await sealed(member);
    line.cutAfter(after, way);
    const first = await sent(member, update);
    if (!first.ok) lost += 1;
    receipts.push(first.ok ? first.value : await receiptOf(member, update));
    // What is said of it later is the same word.
    expect(await receiptOf(member, update)).toEqual(receipts.at(-1));
  }
  expect(lost).toBeGreaterThan(0);

  const fates = await fatesOf(operator, round);
  expect(fates).toEqual(members.map(({ name }) => [name, UpdateFate.UPDATE_FATE_SELECTED]).sort());
  expect(new Set(receipts.map(({ sequence }) => sequence)).size).toBe(count);
}, 1_200_000);

const sealed = (member: TestCluster) => member.seal(new Float32Array(1_000).fill(0.01));

function sent(member: TestCluster, { header, sealed: payload }: Update, from = 0) {
  return member.send([member.signed(header, from), ...chunksOf(payload.subarray(from))]);
}

/** As a client does: asks what is there and sends the rest, again and again, as long as nobody says what became of it. */
async function receiptOf(member: TestCluster, update: Update): Promise<Receipt> {
  return until(async () => {
    const known = await member.status(update.header);
    if (known.ok && known.value.receipt !== undefined) return known.value.receipt;
    const answered = known.ok ? await sent(member, update, Number(known.value.receivedBytes)) : known;
    if (answered.ok) return answered.value;
    expect(answered.fault.code).toBe('LEADER_AWAY');
    return undefined;
  });
}
