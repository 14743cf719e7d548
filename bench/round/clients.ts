/**
 * Child of round.bench.ts: many clients in one process, each with its own identity and connection. A client does all
 * that a real one does but train and keep files: enrols, watches, fetches the base model and checks its digest, seals
 * and signs a delta, submits it, checks the receipt. Lines on stdout: "watching", then one a client and round.
 */
import { createHash } from 'node:crypto';
import { unwrap } from '../../base/fault.ts';
import { letHeapGrow } from '../../base/heap.ts';
import { chunksOf, enrolCluster, type TestCluster } from '../../coordinator/testing/cluster.ts';
import { checkReceipt, verifyReceipt } from '../../proto/envelope/receipt.ts';
import { receiptFromWire } from '../../proto/envelope/wire.ts';
import type { FetchModelResponse, RoundInvitation } from '../../proto/generated/testudo/v1/federation.ts';
import { fillLcgRows } from '../harness/lcg.ts';

type Task = Readonly<{
  addresses: Readonly<{ enrolment: string; federation: string; health: string }>;
  authority: string;
  tokens: readonly string[];
  track: string;
  values: number;
  firstSeed: number;
}>;

process.stdin.on('end', () => process.exit()).resume(); // Ends with the process that started it.
letHeapGrow(); // What hosts many clients shares the machine with what is measured.
const { addresses, authority, tokens, track, values, firstSeed } = JSON.parse(process.argv[2] as string) as Task;
const members = await Promise.all(tokens.map(async (token) => unwrap(await enrolCluster(addresses, authority, token))));
await Promise.all(members.map((member) => member.watch([track])));
console.log('watching');
for (const [seed, member] of members.entries()) void takePart(member, seed); // A failure ends the process, loudly.

async function takePart(member: TestCluster, seed: number): Promise<never> {
  const delta = new Float32Array(values);
  fillLcgRows(1, 0, values, () => delta, firstSeed + seed);
  for (let round = 1; ; round += 1) {
    const invitation = await member.invitationTo(`r-${round}`);
    await fetchBase(member, invitation);
    const { header, sealed } = await member.seal(delta);
    const receipt = unwrap(await member.send([member.signed(header), ...chunksOf(sealed)]));
    const checked = unwrap(receiptFromWire(receipt));
    unwrap(checkReceipt(checked));
    unwrap(verifyReceipt(checked, receipt.signature, member.receiptKey));
    if (checked.payload !== header.payload) throw new Error('the receipt is for another update');
  }
}

async function fetchBase(member: TestCluster, { base }: RoundInvitation): Promise<void> {
  const hash = createHash('sha256');
  const stream = member.client.fetchModel({ digest: base?.digest ?? '', offset: 0n });
  for await (const { chunk } of stream as AsyncIterable<FetchModelResponse>) hash.update(chunk);
  if (`sha256:${hash.digest('hex')}` !== base?.digest) throw new Error('the model is not what its digest says');
}
