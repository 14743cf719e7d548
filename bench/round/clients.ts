/**
 * Child of the benchmarks of rounds and of doors: many clients in one process, each with its own identity and connection. A client
 * does all that a real one does but train and keep files: enrols, watches, fetches the base model and checks its digest, seals and
 * signs a delta, submits it, checks the receipt. Lines on stdout: "watching", then the round's name for each receipt.
 */
import { createHash } from 'node:crypto';
import type { ServiceError } from '@grpc/grpc-js';
import { ok, type Result, unwrap } from '../../base/fault.ts';
import { letHeapGrow } from '../../base/heap.ts';
import { pause } from '../../base/pause.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { verdictFor } from '../../client/rounds/verdict.ts';
import { chunksOf, enrolCluster, faultOf, type TestCluster } from '../../coordinator/testing/cluster.ts';
import type { UpdateHeader } from '../../proto/envelope/header.ts';
import { checkReceipt, verifyReceipt } from '../../proto/envelope/receipt.ts';
import { receiptFromWire } from '../../proto/envelope/wire.ts';
import type { Receipt } from '../../proto/generated/testudo/v1/common.ts';
import type { FetchModelResponse, RoundInvitation } from '../../proto/generated/testudo/v1/federation.ts';
import { fillLcgRows } from '../harness/lcg.ts';

export type ClientsTask = Readonly<{
  addresses: Readonly<{ enrolment: string; federation: string; health: string }>;
  authority: string;
  tokens: readonly string[];
  track: string;
  values: number;
  firstSeed: number;
}>;

const retryMs = 200;
const never = new AbortController().signal;

process.stdin.on('end', () => process.exit()).resume(); // Ends with the process that started it.
letHeapGrow(); // What hosts many clients shares the machine with what is measured.
const { addresses, authority, tokens, track, values, firstSeed } = JSON.parse(process.argv[2] as string) as ClientsTask;
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
    const receipt = await delivered(member, header, sealed);
    const checked = unwrap(receiptFromWire(receipt));
    unwrap(checkReceipt(checked));
    unwrap(verifyReceipt(checked, receipt.signature, member.receiptKey));
    if (checked.payload !== header.payload) throw new Error('the receipt is for another update');
    console.log(`r-${round}`);
  }
}

/** As a client does: what a coordinator under load cut short goes on where it was. */
async function delivered(member: TestCluster, header: UpdateHeader, sealed: Buffer): Promise<Receipt> {
  for (let from = 0; ; ) {
    const sent = await member.send([member.signed(header, from), ...chunksOf(sealed.subarray(from))]);
    if (sent.ok) return sent.value;
    if (verdictFor(sent.fault) !== 'retry') return unwrap(sent);
    await pause(systemTimers, retryMs, never);
    const { receipt, receivedBytes } = unwrap(await member.status(header));
    if (receipt !== undefined) return receipt;
    from = Number(receivedBytes);
  }
}

async function fetchBase(member: TestCluster, { base }: RoundInvitation): Promise<void> {
  for (;;) {
    const fetched = await digestOfModel(member, base?.digest ?? '');
    if (fetched.ok && fetched.value === base?.digest) return;
    if (fetched.ok) throw new Error('the model is not what its digest says');
    if (verdictFor(fetched.fault) !== 'retry') unwrap(fetched);
    await pause(systemTimers, retryMs, never);
  }
}

async function digestOfModel(member: TestCluster, digest: string): Promise<Result<string>> {
  const hash = createHash('sha256');
  try {
    const stream = member.client.fetchModel({ digest, offset: 0n });
    for await (const { chunk } of stream as AsyncIterable<FetchModelResponse>) hash.update(chunk);
  } catch (error) {
    return faultOf(error as ServiceError);
  }
  return ok(`sha256:${hash.digest('hex')}`);
}
