import { expect, it } from 'vitest';
import { ok } from '../../../base/fault.ts';
import { digestOf } from '../../../proto/digest.ts';
import { type ClusterId, parseRoundId } from '../../../proto/ids.ts';
import type { Provenance, UpdateFate } from '../../candidate/provenance.ts';
import type { State, Track } from '../../ledger/state/state.ts';
import { partsOf } from '../../rounds/standings.ts';
import { track } from '../../testing/small-federation.ts';
import { standingsView } from './standings.ts';

const one = 'cluster-a' as ClusterId;
const round = parseRoundId('r-1');

/** Three clusters of equal share and the trusted sample counted as a fourth; a fifth row was refused. */
const provenance = {
  n: 5,
  nAdmitted: 4,
  sampleHolds: true,
  updates: [
    ...['cluster-a', 'cluster-b', 'cluster-c'].map((cluster) => ({ cluster, verdict: 'selected', share: 0.25 })),
    { cluster: 'cluster-d', verdict: 'refused', code: 'NON_FINITE', share: null },
  ] as unknown as UpdateFate[],
} as unknown as Provenance;

it('shows of a round the weight that the record took from it, also where the sample was counted as a member', async () => {
  const bytes = Buffer.from(JSON.stringify(provenance));
  const digest = digestOf(bytes);
  const blobs = { get: async () => ok(bytes) };
  const standing = { rounds: 1, leftOut: 0, refused: 0, score: 1, weight: 1, slope: null, lastRound: round };
  const known = {
    track,
    standings: { [one]: standing },
    rounds: new Map([[round, { round, phase: { kind: 'candidate', provenance: digest } }]]),
  } as unknown as Track;
  const state = { tracks: new Map([[track, known]]), clusters: new Map() } as Pick<State, 'tracks' | 'clusters'>;
  expect(partsOf(provenance).get(one)?.weight).toBe(1);
  const [view] = await standingsView(state, blobs, one);
  expect(view?.recent).toMatchObject([{ round, fate: 'selected', weight: 1 }]); // One among four equals.
});
