import { ok, type Refused, type Result, refuse, unwrap } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import { signedness } from '../../proto/release/co-sign.ts';
import type { Pin, Pins } from '../../proto/release/documents/catalogue.ts';
import { isInForce } from '../../proto/release/legality.ts';
import { openRoot } from '../../proto/release/open.ts';
import type { Registry } from '../registry/registry.ts';
import type { PendingPins } from '../registry/signing/signed-by-people.ts';
import type { SignedSet } from '../registry/signing/signed-set.ts';

/** Pins as operators signed them, and by how many of those who must they are. */
export type PinsView = Readonly<{
  /** Empty as long as there are none. */
  document: Uint8Array;
  version: number;
  signers: readonly string[];
  threshold: number;
}>;

/** One pin, for people: what it holds, whom, until when, and whose word it is. */
export type PinView = Readonly<Pick<Pin, 'pinId' | 'track' | 'version' | 'untilMs' | 'reason' | 'setBy'>> &
  /** A cluster, or `key=value` of a label. */
  Readonly<{ whom: string }>;

/** Pins in force that fit, in the order in which they were set. For people: agents, and `testudo pins list`, verify the signed set itself. */
export function pinsThat(fits: (pin: Pin) => boolean, pins: Pins | null, nowMs: EpochMs): readonly PinView[] {
  return (pins?.pins ?? [])
    .filter((pin) => isInForce(pin, nowMs) && fits(pin))
    .map(({ pinId, track, version, untilMs, reason, setBy, subject }) => {
      const whom = 'cluster' in subject ? subject.cluster : `${subject.label.key}=${subject.label.value}`;
      return { pinId, track, version, untilMs, reason, setBy, whom };
    });
}

/** What stands in force, by the newest root. */
export function pinsInForce({ roots, pins }: SignedSet): PinsView {
  const newest = roots.at(-1);
  if (newest === undefined) throw new Error('a signed set without a root');
  const root = unwrap(openRoot(newest.body));
  const { threshold } = root.roles.pins;
  if (pins === null) return { document: new Uint8Array(), version: 0, signers: [], threshold };
  return {
    document: pins.body,
    version: pins.version,
    signers: unwrap(signedness(root, 'pins', pins.body)).by,
    threshold,
  };
}

export function pinsPending({ bytes, pins, signers, threshold }: PendingPins): PinsView {
  return { document: bytes, version: pins.version, signers, threshold };
}

/** The set that agents are served; of a coordinator that has signed nothing yet: why not, if it knows. */
export function findSignedSet(
  registry: Pick<Registry, 'signedSet' | 'trouble'>,
): Result<SignedSet, 'METADATA_UNREADY'> {
  const set = registry.signedSet();
  return set === undefined ? unready(registry) : ok(set);
}

function unready(registry: Pick<Registry, 'trouble'>): Refused<'METADATA_UNREADY'> {
  const trouble = registry.trouble();
  const why = trouble === undefined ? 'it is about to' : `${trouble.code}: ${trouble.message}`;
  return refuse('METADATA_UNREADY', `no metadata is signed yet (${why}); try again in a moment`);
}
