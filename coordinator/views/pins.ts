import { ok, type Refused, type Result, refuse, unwrap } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import { signedness } from '../../proto/release/co-sign.ts';
import type { AntibodyPin, Pin, Pins } from '../../proto/release/documents/catalogue.ts';
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
export type PinView = Readonly<Pick<Pin, 'pinId' | 'track' | 'untilMs' | 'reason' | 'setBy'>> &
  Readonly<{
    /** A cluster, `key=value` of a label, or "all". */
    whom: string;
    /** What it holds on; null for a pin of an antibody. */
    version: number | null;
    /** The antibody that it holds in use or out of it; null for a pin of a version. */
    antibody: Readonly<{ digest: string; inUse: boolean }> | null;
  }>;

/** Pins in force that fit, in the order in which they were set. For people: agents, and `testudo pins list`, verify the signed set itself. */
export function pinsThat(
  fits: (pin: Pin | AntibodyPin) => boolean,
  pins: Pins | null,
  nowMs: EpochMs,
): readonly PinView[] {
  const isShown = (pin: Pin | AntibodyPin) => isInForce(pin, nowMs) && fits(pin);
  const ofVersions = (pins?.pins ?? []).filter(isShown).map((pin): PinView => {
    return { ...commonOf(pin), version: pin.version, antibody: null };
  });
  const ofAntibodies = (pins?.antibodies ?? []).filter(isShown).map((pin): PinView => {
    return { ...commonOf(pin), version: null, antibody: { digest: pin.antibody, inUse: pin.inUse } };
  });
  return [...ofVersions, ...ofAntibodies];
}

function commonOf({ pinId, track, untilMs, reason, setBy, subject }: Pin | AntibodyPin) {
  return { pinId, track, untilMs, reason, setBy, whom: whomOf(subject) };
}

function whomOf(subject: AntibodyPin['subject']): string {
  if (subject === null) return 'all';
  return 'cluster' in subject ? subject.cluster : `${subject.label.key}=${subject.label.value}`;
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
