import { describe, expect, it } from 'vitest';
import { type Result, unwrap } from '../../../base/fault.ts';
import { digestOf } from '../../../proto/digest.ts';
import { newRoundKeyPair, newSigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import { signHeader, type UpdateHeader } from '../../../proto/envelope/header.ts';
import { headerToWire } from '../../../proto/envelope/wire.ts';
import { chunksOf, type TestCluster } from '../../testing/cluster.ts';
import { operator, TestFederation, track } from '../../testing/federation.ts';

const values = 70_000; // Two chunks of sealed bytes.
const delta = (value = 0.01) => new Float32Array(values).fill(value);
const other = digestOf(Buffer.from('something else'));

function codeOf(result: Result<unknown>): string {
  return result.ok ? 'OK' : result.fault.code;
}

async function spoilt(member: TestCluster, change: (header: UpdateHeader) => UpdateHeader): Promise<string> {
  const { header, sealed } = await member.seal(delta(), change);
  return codeOf(await member.send([member.signed(header), ...chunksOf(sealed)]));
}

/** A round that closes without one of its four: three updates are its goal. */
async function roundOfFour() {
  const policy = `
aggregation: { f: 0, before: [], rule: { kind: krum } }
rounds: { goal: { kind: count, updates: 3 }, overSelection: 1.3, quorum: { kind: count, updates: 3 }, collectForMs: 60000 }
`;
  const federation = await TestFederation.start({ values, policy });
  const members = await federation.round(['a', 'b', 'c', 'd']);
  return { federation, others: members.slice(0, 3), straggler: members[3] as TestCluster };
}

describe('the intake of updates over mTLS', () => {
  it('refuses every header that means something else, by its own code, before it reads a payload', async () => {
    const federation = await TestFederation.start({ values });
    const [a, b] = (await federation.round(['a', 'b', 'c'])) as [TestCluster, TestCluster];
    const outsider = await federation.enrol('late');
    await outsider.watch([track]);

    expect(await spoilt(a, (header) => ({ ...header, cluster: b.name as never }))).toBe('CLUSTER_MISMATCH');
    expect(await spoilt(a, (header) => ({ ...header, federation: 'flock' as never }))).toBe('FEDERATION_MISMATCH');
    expect(await spoilt(a, (header) => ({ ...header, track: 'flow' as never }))).toBe('TRACK_NOT_FOUND');
    expect(await spoilt(a, (header) => ({ ...header, round: 'r-2' as never }))).toBe('ROUND_NOT_FOUND');
    expect(await spoilt(a, (header) => ({ ...header, base: other }))).toBe('BASE_MISMATCH');
    expect(await spoilt(a, (header) => ({ ...header, schema: other }))).toBe('SCHEMA_MISMATCH');
    expect(await spoilt(a, (header) => ({ ...header, codec: 'f16' as never }))).toBe('HEADER_INVALID');
    const shorter = await a.seal(new Float32Array(values - 1));
    expect(codeOf(await a.send([a.signed(shorter.header), ...chunksOf(shorter.sealed)]))).toBe('LENGTH_MISMATCH');

    const { header, sealed } = await a.seal(delta());
    const signature = signHeader(header, newSigningKeyPair());
    expect(codeOf(await a.send([{ $case: 'header', value: headerToWire(header, signature, 0) }]))).toBe(
      'SIGNATURE_INVALID',
    );
    const replayed = headerToWire(header, signHeader(header, a.signing), 0);
    expect(codeOf(await b.send([{ $case: 'header', value: replayed }, ...chunksOf(sealed)]))).toBe('CLUSTER_MISMATCH');

    const invitation = await a.invitation();
    outsider.received.push({ directive: { $case: 'invitation', value: invitation } });
    expect(await spoilt(outsider, (sound) => sound)).toBe('NOT_IN_COHORT');

    // None of it stands in a's way.
    expect(codeOf(await a.send([a.signed(header), ...chunksOf(sealed)]))).toBe('OK');
    const audited = await federation.refusals();
    for (const code of ['CLUSTER_MISMATCH', 'BASE_MISMATCH', 'SCHEMA_MISMATCH', 'SIGNATURE_INVALID', 'NOT_IN_COHORT']) {
      expect(audited).toContain(code);
    }
  });

  it('refuses a header with a field that is no such thing, whatever its signature says', async () => {
    const federation = await TestFederation.start({ values });
    const [a] = (await federation.round(['a', 'b', 'c'])) as [TestCluster];
    const { header, sealed } = await a.seal(delta());
    const sound = headerToWire(header, signHeader(header, a.signing), 0);
    const spoilt: Partial<typeof sound>[] = [
      { codec: 'f16' },
      { payloadDigest: 'sha256:short' },
      { baseDigest: header.base.toUpperCase() },
      { schemaDigest: '' },
      { round: 'nonsense' },
      { exampleCount: 2n ** 53n },
      { plainBytes: sound.plainBytes - 1n },
      { payloadBytes: sound.payloadBytes - 1n },
    ];
    for (const change of spoilt) {
      const sent = await a.send([{ $case: 'header', value: { ...sound, ...change } }, ...chunksOf(sealed)]);
      expect(codeOf(sent), Object.keys(change).join()).toBe('HEADER_INVALID');
    }
    expect(codeOf(await a.send([{ $case: 'header', value: sound }, ...chunksOf(sealed)]))).toBe('OK');
  });

  it('refuses streams that are not a header and then its payload', async () => {
    const federation = await TestFederation.start({ values });
    const [a] = (await federation.round(['a', 'b', 'c'])) as [TestCluster];
    const { header, sealed } = await a.seal(delta());
    const [first, second] = chunksOf(sealed);
    const send = async (...parts: unknown[]) => codeOf(await a.send(parts as never));
    expect(await send()).toBe('HEADER_MISSING');
    expect(await send(first)).toBe('HEADER_MISSING');
    expect(await send(a.signed(header), a.signed(header))).toBe('HEADER_MISSING');
    expect(await send(a.signed(header), undefined)).toBe('MESSAGE_MALFORMED');
    // Whole chunks out of order: the length fits, the digest does not, and what was stored is gone.
    expect(await send(a.signed(header), second, first)).toBe('DIGEST_MISMATCH');
    expect(unwrap(await a.status(header)).receivedBytes).toBe(0n);
    expect(await send(a.signed(header), first, first)).toBe('LENGTH_MISMATCH');
    expect(unwrap(await a.status(header)).receipt).toBeUndefined();
  });

  it('answers the same update with the same receipt, in parallel and ever after', async () => {
    const federation = await TestFederation.start({ values, settings: ['uploads.perClusterMax=8'] });
    const [a] = (await federation.round(['a', 'b', 'c'])) as [TestCluster];
    const { header, sealed } = await a.seal(delta());
    const send = () => a.send([a.signed(header), ...chunksOf(sealed)]);
    const answers = await Promise.all([send(), send(), send()]);
    const receipts = answers.filter((answer) => answer.ok).map(({ value }) => value);
    // A stream that found the upload in the hands of another says so; whoever got a receipt got the one there is.
    expect(receipts.length).toBeGreaterThanOrEqual(1);
    for (const answer of answers) expect(['OK', 'UPLOAD_BUSY', 'OFFSET_MISMATCH']).toContain(codeOf(answer));
    const again = unwrap(await send());
    for (const receipt of receipts) expect(receipt).toEqual(again);
    expect(unwrap(await a.status(header)).receipt).toEqual(again);
    await federation.restart();
    const back = await federation.reconnect(a);
    expect(unwrap(await back.send([back.signed(header), ...chunksOf(sealed)]))).toEqual(again);
  });

  it('counts one of two different updates of a cluster, and raises the alarm over the other', async () => {
    const federation = await TestFederation.start({ values });
    const [a] = (await federation.round(['a', 'b', 'c'])) as [TestCluster];
    const answers = await Promise.all([a.submit(delta(0.01)), a.submit(delta(0.02))]);
    expect(answers.map(codeOf).sort()).toEqual(['OK', 'UPDATE_CONFLICT']);
    const entries = await federation.audit();
    expect(
      entries.some(({ event }) => event.kind === 'refused' && event.code === 'UPDATE_CONFLICT' && event.alarm),
    ).toBe(true);
  });

  it('keeps what a vanished client sent, also over a restart, and goes on from there', async () => {
    const federation = await TestFederation.start({ values });
    const [a] = (await federation.round(['a', 'b', 'c'])) as [TestCluster];
    const { header, sealed } = await a.seal(delta());
    expect(codeOf(await a.send([a.signed(header), ...chunksOf(sealed).slice(0, 1)]))).toBe('PAYLOAD_TRUNCATED');
    await federation.restart();
    const back = await federation.reconnect(a);
    const { receivedBytes } = unwrap(await back.status(header));
    expect(receivedBytes).toBe(262_144n);
    expect(codeOf(await back.send([back.signed(header, 0), ...chunksOf(sealed)]))).toBe('OFFSET_MISMATCH');
    const rest = chunksOf(sealed, Number(receivedBytes));
    expect(codeOf(await back.send([back.signed(header, Number(receivedBytes)), ...rest]))).toBe('OK');
  });

  it('keeps what came of a client that hangs up in the middle, and goes on from there', async () => {
    const federation = await TestFederation.start({ values });
    const [a] = (await federation.round(['a', 'b', 'c'])) as [TestCluster];
    const { header, sealed } = await a.seal(delta());
    const stream = a.client.submitUpdate(() => {});
    stream.on('error', () => {});
    for (const part of [a.signed(header), ...chunksOf(sealed).slice(0, 1)]) stream.write({ part });
    let received = 0;
    while (received === 0) received = Number(unwrap(await a.status(header)).receivedBytes);
    stream.cancel();
    const resume = () => a.send([a.signed(header, received), ...chunksOf(sealed, received)]);
    let code = codeOf(await resume());
    while (code === 'UPLOAD_BUSY') code = codeOf(await resume()); // The hang-up is still on its way.
    expect(code).toBe('OK');
  });

  it('cuts a client that is silent or trickles, and lets it resume', async () => {
    const federation = await TestFederation.start({
      values,
      settings: ['uploads.idleSecondsMax=1', 'uploads.graceSeconds=1', 'uploads.bytesPerSecondMin=1000000'],
    });
    const [a, b] = (await federation.round(['a', 'b', 'c'])) as [TestCluster, TestCluster];
    const silent = await a.seal(delta());
    expect(codeOf(await a.send([a.signed(silent.header)], false))).toBe('PEER_TOO_SLOW');
    const slow = await b.seal(delta());
    const trickle = async function* () {
      yield b.signed(slow.header);
      for (const part of chunksOf(slow.sealed, 0, 1000)) {
        yield part;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    expect(codeOf(await b.send(trickle(), false))).toBe('PEER_TOO_SLOW');
    const { receivedBytes } = unwrap(await b.status(slow.header));
    expect(receivedBytes).toBeGreaterThan(0n);
    const from = Number(receivedBytes);
    expect(codeOf(await b.send([b.signed(slow.header, from), ...chunksOf(slow.sealed, from)]))).toBe('OK');
  });

  it('refuses late updates and updates of an older round', async () => {
    const { federation, others, straggler } = await roundOfFour();
    const late = await straggler.seal(delta(0.03));
    for (const member of others) unwrap(await member.submit(delta()));
    await federation.until(({ tracks }) => tracks.get(track)?.models.length === 2);
    const sendLate = () => straggler.send([straggler.signed(late.header), ...chunksOf(late.sealed)]);
    expect(codeOf(await sendLate())).toBe('ROUND_CLOSED');
    await federation.openRound();
    await straggler.invitationTo('r-2');
    expect(codeOf(await sendLate())).toBe('ROUND_CLOSED');
    expect(codeOf(await straggler.submit(delta(0.03)))).toBe('OK');
  });

  it('tells who is in the middle of an update that its round has closed, and nothing of the bytes', async () => {
    const { federation, others, straggler } = await roundOfFour();
    const { header, sealed } = await straggler.seal(delta(0.03));
    const slowly = async function* () {
      yield straggler.signed(header);
      yield* chunksOf(sealed.subarray(0, 100));
      for (const member of others) unwrap(await member.submit(delta()));
      // The end of a round drops what is unfinished.
      await federation.until(({ tracks }) => {
        const round = tracks.get(track)?.rounds.get('r-1' as never);
        return round?.phase.kind === 'candidate' && round.pending.length === 0;
      });
      yield* chunksOf(sealed, 100);
    };
    expect(codeOf(await straggler.send(slowly()))).toBe('ROUND_CLOSED');
  });

  it('keeps the non-finite, the huge and the wrongly sealed out of the candidate, and says so of each', async () => {
    const policy = `
aggregation: { f: 1, before: [], rule: { kind: krum } }
rounds: { goal: { kind: count, updates: 8 }, overSelection: 1, quorum: { kind: count, updates: 5 }, collectForMs: 60000 }
`;
    const federation = await TestFederation.start({ values, policy });
    const members = await federation.round(['a', 'b', 'c', 'd', 'e', 'nan', 'huge', 'unsealed']);
    for (const member of members) {
      if (member.name === 'unsealed') {
        const invitation = await member.invitation();
        member.received.push({
          directive: {
            $case: 'invitation',
            value: { ...invitation, roundKey: Buffer.from(newRoundKeyPair().publicKey) },
          },
        });
      }
      const sent = delta(0.01 + members.indexOf(member) / 1000);
      if (member.name === 'nan') sent[5] = Number.NaN;
      if (member.name === 'huge') sent.fill(1e30);
      unwrap(await member.submit(sent)); // Sealed: nothing of this can be seen before the round closes.
    }
    await federation.until(({ tracks }) => tracks.get(track)?.models.length === 2);
    const { engine } = federation.coordinator;
    const model = unwrap(await engine.blobs.get(engine.state().tracks.get(track)?.models[1]?.digest as never));
    const candidate = new Float32Array(model.buffer);
    expect(candidate.every((value) => value > 0.5 && value < 0.52)).toBe(true);
    const phase = engine.state().tracks.get(track)?.rounds.values().next().value?.phase;
    const provenance = JSON.parse(
      Buffer.from(
        unwrap(await engine.blobs.get(phase?.kind === 'candidate' ? phase.provenance : (undefined as never))),
      ).toString(),
    );
    const fates = Object.fromEntries(
      provenance.updates.map(({ cluster, verdict, code }: never) => [cluster, [verdict, code]]),
    );
    expect(fates.nan[0]).toBe('refused');
    expect(fates.huge[0]).toBe('refused');
    expect(fates.unsealed[0]).toBe('refused');
    expect(new Set([fates.nan[1], fates.huge[1], fates.unsealed[1]]).size).toBe(3);
  });

  it('takes no update of a cluster in quarantine', async () => {
    const federation = await TestFederation.start({ values });
    const [a] = (await federation.round(['a', 'b', 'c'])) as [TestCluster];
    const { membership } = federation.coordinator;
    const change = { cluster: a.name as never, quarantined: true, reason: 'test' };
    unwrap(await membership.setQuarantine({ kind: 'coordinator', part: 'identity' }, change));
    expect(codeOf(await a.submit(delta()))).toBe('CLUSTER_QUARANTINED');
  });

  it('invites no cluster in quarantine and waits for none, and invites it again when that is lifted', async () => {
    const federation = await TestFederation.start({ values });
    const members = await Promise.all(['a', 'b', 'c', 'd'].map((name) => federation.enrol(name)));
    for (const member of members) await member.watch([track]);
    const [first, ...others] = members as [TestCluster, ...TestCluster[]];
    const { membership, engine } = federation.coordinator;
    const set = (quarantined: boolean) =>
      membership.setQuarantine(operator, { cluster: first.name as never, quarantined, reason: 'test' });
    const cohort = (round: string) => {
      const phase = engine
        .state()
        .tracks.get(track)
        ?.rounds.get(round as never)?.phase;
      return phase !== undefined && 'cohort' in phase ? phase.cohort : undefined;
    };
    unwrap(await set(true));
    await federation.openRound();
    await federation.until(() => cohort('r-1') !== undefined);
    expect(cohort('r-1')).toEqual(['b', 'c', 'd']); // All who are in good standing: the round did not wait for a.
    for (const other of others) unwrap(await other.submit(delta()));
    await federation.until(({ tracks }) => tracks.get(track)?.models.length === 2);
    unwrap(await set(false));
    await federation.openRound();
    await federation.until(() => cohort('r-2') !== undefined);
    expect(cohort('r-2')).toEqual(['a', 'b', 'c', 'd']);
  });
});
