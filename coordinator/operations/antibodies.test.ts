import { expect, it, onTestFinished } from 'vitest';
import { refuse, unwrap } from '../../base/fault.ts';
import { type Antibody, antibodiesMax, antibodyBytes } from '../../proto/antibody.ts';
import { digestOf } from '../../proto/digest.ts';
import { type Digest, parseClusterId, parseTrackId } from '../../proto/ids.ts';
import { antibodiesInForce } from '../ledger/state/antibodies-in-force.ts';
import { openSmallFederation, operator, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { putAntibody, revokeAntibody } from './antibodies.ts';

const nowMs = 1_000;

async function open() {
  const engine = await openSmallFederation(tempDir());
  onTestFinished(() => engine.close());
  const antibody: Antibody = {
    federation: engine.federation,
    track,
    cluster: parseClusterId('eu'),
    family: 'reverse_shell',
    examples: 5,
    features: Uint32Array.of(1, 2),
    shares: Uint8Array.of(255, 10),
    madeAtMs: 0,
    expiresAtMs: nowMs + 1,
  };
  const put = (over: Partial<Antibody> = {}, store: Parameters<typeof putAntibody>[0] = engine) =>
    putAntibody(store, operator, { track, antibody: antibodyBytes({ ...antibody, ...over }), reason: 'test' }, nowMs);
  const known = () => engine.state().tracks.get(track)?.antibodies ?? [];
  return { engine, antibody, put, known };
}

it('puts an antibody once, and once more after it was revoked', async () => {
  const { engine, antibody, put, known } = await open();
  const digest = digestOf(antibodyBytes(antibody));
  const first = unwrap(await put());
  expect(first.antibody).toMatchObject({ digest, family: 'reverse_shell', cluster: 'eu', examples: 5, revoked: null });
  await put();
  expect(known()).toHaveLength(1);
  unwrap(await revokeAntibody(engine, operator, { track, digest, reason: 'false' }));
  expect(known()).toMatchObject([{ revoked: 'false' }]);
  unwrap(await put());
  expect(known().map(({ revoked }) => revoked)).toEqual(['false', null]);
});

it.each([
  ['of another track', { track: parseTrackId('flow') }],
  ['of another federation', { federation: 'other' as Antibody['federation'] }],
  ['that has expired', { expiresAtMs: nowMs }],
  ['that lasts beyond ten years', { expiresAtMs: nowMs + 3_652 * 86_400_000 }],
  ['whose end no date reaches', { expiresAtMs: Number.MAX_SAFE_INTEGER }],
  ['that is to be made the day after tomorrow', { madeAtMs: 2 * 86_400_000, expiresAtMs: 3 * 86_400_000 }],
])('refuses one %s', async (_, over) => {
  const { put, known } = await open();
  expect(await put(over)).toMatchObject({ ok: false, fault: { code: 'ANTIBODY_INVALID' } });
  expect(known()).toEqual([]);
});

it('refuses more than a release brings along, and to revoke what is not in force', async () => {
  const { engine, put } = await open();
  for (let examples = 1; examples <= antibodiesMax; examples++) unwrap(await put({ examples }));
  expect(await put({ examples: 999 })).toMatchObject({ fault: { code: 'ANTIBODIES_FULL' } });
  const digest = `sha256:${'0'.repeat(64)}` as Digest;
  const revoked = await revokeAntibody(engine, operator, { track, digest, reason: 'false' });
  expect(revoked).toMatchObject({ fault: { code: 'ANTIBODY_UNKNOWN' } });
});

it('counts none that has ended among those of which there may be so many', async () => {
  const { engine, antibody, put, known } = await open();
  for (let examples = 1; examples <= antibodiesMax; examples++) unwrap(await put({ examples }));
  const later = antibody.expiresAtMs;
  const bytes = antibodyBytes({ ...antibody, family: 'port_scan', expiresAtMs: later + 1 });
  const change = { track, antibody: bytes, reason: 'a new attack' };
  expect(await putAntibody(engine, operator, change, nowMs)).toMatchObject({ fault: { code: 'ANTIBODIES_FULL' } });
  unwrap(await putAntibody(engine, operator, change, later));
  expect(antibodiesInForce(known(), later).map(({ family }) => family)).toEqual(['port_scan']);
  // The clock is set back: there are more than a release may hold, and the newest go out.
  expect(antibodiesInForce(known(), nowMs)).toEqual(known().slice(1));
});

it('names the track that there is not, whatever the antibody was made for', async () => {
  const { engine, antibody } = await open();
  const change = { track: 'syscal', antibody: antibodyBytes(antibody), reason: 'a slip' };
  const refused = await putAntibody(engine, operator, change, nowMs);
  expect(refused).toMatchObject({
    fault: { code: 'TRACK_NOT_FOUND', message: expect.stringContaining('no track syscal') },
  });
});

it('keeps the bytes of one whose outcome is unknown: the journal may hold it', async () => {
  const { engine, antibody, put } = await open();
  const { blobs, federation } = engine;
  const commit = async () => refuse('JOURNAL_IO', 'the disk did not answer');
  const unsure = { state: () => engine.state(), blobs, federation, commit: commit as never };
  expect(await put({}, unsure)).toMatchObject({ fault: { code: 'JOURNAL_IO' } });
  const kept = await engine.blobs.get(digestOf(antibodyBytes(antibody)));
  expect(Buffer.from(unwrap(kept))).toEqual(antibodyBytes(antibody));
});
