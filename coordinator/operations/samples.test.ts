import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { digestOf } from '../../proto/digest.ts';
import type { TrackId } from '../../proto/ids.ts';
import { servedModelBytes } from '../grpc/federation/models.ts';
import { readSnapshot, writeSnapshot } from '../ledger/state/snapshot.ts';
import { setPolicy } from '../ledger/track-changes.ts';
import { lacksSample } from '../rounds/samples.ts';
import { clusters, openSmallFederation, operator, policy, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { openRound } from './rounds.ts';
import { putSample, sampleBytesMax } from './samples.ts';

const classes = [{ name: 'nginx', normalCount: 3, attackCount: 1 }];
const bytesOf = (text: string) => new TextEncoder().encode(text);

it('keeps every version of a sample; the newest is in force, is fetched by digest, and is found again after a start', async () => {
  const dataDir = tempDir();
  const engine = await openSmallFederation(dataDir);
  const put = (text: string) => putSample(engine, operator, { track, sample: bytesOf(text), classes, reason: 'test' });
  expect(unwrap(await put('first')).sample).toMatchObject({ version: 1, digest: digestOf(bytesOf('first')), bytes: 5 });
  expect(unwrap(await put('second')).sample.version).toBe(2);
  for (const text of ['first', 'second']) {
    expect(servedModelBytes(engine.state(), digestOf(bytesOf(text)))).toBe(text.length);
  }
  const folded = readSnapshot(await writeSnapshot(engine.state())).tracks.get(track)?.samples;
  expect(folded?.map(({ version }) => version)).toEqual([1, 2]);
  await engine.close();

  const again = await openSmallFederation(dataDir);
  onTestFinished(() => again.close());
  expect(again.state().tracks.get(track)?.samples).toEqual(folded);
  // Nothing sweeps what the state names.
  expect(unwrap(await again.blobs.get(digestOf(bytesOf('first'))))).toHaveLength(5);
});

it('freezes the sample into a round: the newest, or the one that the policy names; what is put later does not matter', async () => {
  const engine = await openSmallFederation(tempDir(), { policy: { ...policy, sample: { mix: 0.5 } } });
  onTestFinished(() => engine.close());
  const known = () => engine.state().tracks.get(track);
  expect(known() && lacksSample(known() as never)).toContain('mixes a trusted sample into training');
  expect(await openRound(engine, operator, { track, reason: 'test' })).toMatchObject({
    fault: { code: 'SAMPLE_ABSENT' },
  });
  const put = (text: string) => putSample(engine, operator, { track, sample: bytesOf(text), classes, reason: 'test' });
  const first = unwrap(await put('first')).sample.digest;
  const invited = new Promise<unknown>((resolve) => {
    for (const cluster of clusters) {
      engine.join(cluster, [track], (directive) => {
        if (directive.kind === 'invitation') resolve(directive.sample);
      });
    }
  });
  const round = unwrap(await openRound(engine, operator, { track, reason: 'test' }));
  unwrap(await put('second'));
  expect(known()?.rounds.get(round)?.policy.sample).toEqual({ mix: 0.5, digest: first });
  expect(await invited).toEqual({ mix: 0.5, digest: first, bytes: 5 });

  unwrap(await engine.cancelRound(operator, { track, round, reason: 'test' }));
  unwrap(
    await setPolicy(engine, operator, { track, policy: { ...policy, sample: { mix: 0, digest: first } }, reason: 'x' }),
  );
  const next = unwrap(await openRound(engine, operator, { track, reason: 'test' }));
  expect(known()?.rounds.get(next)?.policy.sample).toEqual({ mix: 0, digest: first });
});

it.each([
  ['nothing', new Uint8Array(), classes],
  ['more than a mebibyte', new Uint8Array(sampleBytesMax + 1), classes],
  ['no class', bytesOf('x'), []],
  ['a class twice', bytesOf('x'), [...classes, ...classes]],
  ['a name with a comma', bytesOf('x'), [{ name: 'a,b', normalCount: 1, attackCount: 0 }]],
])('refuses a sample of %s', async (_what, sample, held) => {
  const store = { state: () => ({ tracks: new Map([[track, {}]]) }) } as never;
  expect(await putSample(store, operator, { track, sample, classes: held, reason: 'test' })).toMatchObject({
    fault: { code: 'SAMPLE_INVALID' },
  });
  const other = { track: 'flow' as TrackId, sample: bytesOf('x'), classes, reason: 'test' };
  expect(await putSample(store, operator, other)).toMatchObject({ fault: { code: 'TRACK_NOT_FOUND' } });
});
