import { expect, it } from 'vitest';
import { digestOf } from '../../../proto/digest.ts';
import type { ClusterId } from '../../../proto/ids.ts';
import { folded } from '../../testing/folding.ts';
import { newState, released, track, weightsOf } from '../../testing/released-state.ts';
import type { JournalEvent, SignedDocument } from '../journal/events.ts';
import { lastingBlobs } from './lasting-blobs.ts';

const reason = 'test';
const named = (text: string) => digestOf(Buffer.from(text));
const signed = (version: number, text: string): SignedDocument => {
  return { version, digest: named(text), bytes: 9, expiresAtMs: 99 };
};

it('a coordinator needs its roots and pins, and of each track its head, its sample, and what is released', () => {
  const empty = newState();
  expect([...lastingBlobs(empty)]).toEqual([[weightsOf(0), `${track}@0, which rounds go on from`]]);

  const one = folded(empty, released(empty, 0));
  const antibody = (family: string): JournalEvent => ({
    ...{ kind: 'antibodyPut', track, digest: named(family), bytes: 9, family, cluster: 'a' as ClusterId },
    ...{ examples: 3, expiresAtMs: 900, reason },
  });
  const sample = (version: number): JournalEvent => {
    return { kind: 'samplePut', track, version, digest: named(`sample ${version}`), bytes: 4, classes: [], reason };
  };
  const state = folded(one, [
    ...released(one, 1),
    { kind: 'releaseRetired', track, version: 0 },
    ...[sample(1), sample(2), sample(3), antibody('miner'), antibody('shell')],
    { kind: 'antibodyRevoked', track, digest: named('shell'), reason },
    { kind: 'rootPublished', root: signed(1, 'root'), reason },
    { kind: 'pinsProposed', pins: signed(1, 'pins'), signers: ['ada'], reason },
    { kind: 'pinsPublished', pins: signed(1, 'pins'), signers: ['ada'], reason },
  ]);
  expect(new Map(lastingBlobs(state))).toEqual(
    new Map([
      [named('root'), 'root 1'],
      [named('pins'), 'the pins in force'],
      [named('sample 3'), `the trusted sample of ${track}`],
      [named('miner'), `an antibody of ${track} (miner)`],
      [named('manifest 1'), `the manifest of ${track}@1`],
      [weightsOf(1), `weights.bin of ${track}@1`],
    ]),
  );
});

it('and the moments of the optimiser that rounds go on with', () => {
  const state = newState();
  const known = state.tracks.get(track) ?? expect.fail('no track');
  const models = known.models.map((model) => ({ ...model, optimiserState: named('moments') }));
  const tracks = new Map([[track, { ...known, models }]]);
  expect(lastingBlobs({ ...state, tracks }).get(named('moments'))).toBe(`the optimiser's moments of ${track}@0`);
});
