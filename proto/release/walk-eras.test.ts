import fc from 'fast-check';
import { expect, it } from 'vitest';
import { digestOf } from '../digest.ts';
import {
  nowMs,
  type Signers,
  sampleRoot,
  sampleSet,
  sampleTarget,
  sampleTrack,
  sampleTrust,
  signedRoot,
  signers,
  syscall,
} from './testing/sample-federation.ts';
import type { Accepted, ReleaseTrust } from './trust.ts';
import { type ReceivedReleases, walkReleases } from './walk.ts';

/**
 * Six eras of a federation's life, all of whose metadata a hostile registry kept. Era 3 took the release key away,
 * era 5 the timestamp's and snapshot's. Versions and floors grow with the eras.
 */
const eraCount = 6;
const pieces = ['timestamp', 'snapshot', 'catalogue', 'pins'] as const;

function signersIn(era: number): Signers {
  const pointers = { keys: [era < 5 ? 10 : 11], threshold: 1 };
  return { ...signers, timestamp: pointers, snapshot: pointers, targets: { keys: [era < 3 ? 20 : 21], threshold: 1 } };
}

const eras = Array.from({ length: eraCount }, (_, era) => {
  const by = signersIn(era);
  const version = era + 1;
  const track = sampleTrack({ floor: version, channels: { stable: { version, shadows: null } } });
  const catalogue = { version, tracks: { [syscall]: track }, releases: [sampleTarget(version)] };
  const set = sampleSet({ by, timestamp: { version }, snapshot: { version }, catalogue, pins: { version } });
  return { root: signedRoot(sampleRoot(by, { version })), set };
});

const trustInEra0 = sampleTrust(sampleRoot(signersIn(0)));

/** Serves each piece from an era of its own, and roots up to a last one. */
function serve([timestamp, snapshot, catalogue, pins, root]: readonly number[]): ReceivedReleases {
  const from = (era: number | undefined, piece: (typeof pieces)[number]) =>
    (eras[era ?? 0] as (typeof eras)[number]).set[piece];
  return {
    roots: eras.slice(1, (root ?? 0) + 1).map((era) => era.root),
    timestamp: from(timestamp, 'timestamp'),
    snapshot: from(snapshot, 'snapshot'),
    catalogue: from(catalogue, 'catalogue'),
    pins: from(pins, 'pins'),
  };
}

it('walkReleases accepts of a registry that mixes eras only whole sets, never older than before, by keys still trusted', () => {
  const era = fc.nat(eraCount - 1);
  const whole = fc.tuple(era, era).map(([set, root]) => [set, set, set, set, root]);
  // Whole sets half of the time: chance alone would hardly ever serve one.
  const served = fc.array(fc.oneof(whole, fc.tuple(era, era, era, era, era)), { minLength: 1, maxLength: 6 });
  let acceptances = 0;
  fc.assert(
    fc.property(served, (messages) => {
      let trust: ReleaseTrust = trustInEra0;
      let rootEra = 0;
      let newest = -1;
      for (const message of messages) {
        const { rooted, result } = walkReleases(trust, serve(message), nowMs);
        const before = rootEra;
        rootEra = Math.max(rootEra, message[4] as number);
        if (before < 5 && rootEra >= 5) newest = -1; // Fast-forward recovery: versions may start again.
        const [set] = message as [number];
        const mixed = message.slice(0, 4).some((each) => each !== set);
        const trusted = set < 5 === rootEra < 5 && set < 3 === rootEra < 3;
        expect(result.ok).toBe(!mixed && trusted && set >= newest);
        expect(JSON.parse(rooted.root)).toMatchObject({ signed: { version: rootEra + 1 } });
        trust = rooted;
        if (!result.ok || result.value === null) continue;
        acceptances += 1;
        newest = set;
        trust = result.value.next;
        for (const piece of pieces) {
          const digest = digestOf((eras[set] as (typeof eras)[number]).set[piece]);
          expect((trust.accepted as Record<string, Accepted | null>)[piece]).toEqual({ version: set + 1, digest });
        }
      }
    }),
    { numRuns: 400, seed: 7 },
  );
  expect(acceptances).toBeGreaterThan(100); // Else the property would say nothing.
});
