import { seededRandom } from '../../../../base/random.ts';
import { digestOf } from '../../../../proto/digest.ts';
import { newSigningKeyPair } from '../../../../proto/envelope/crypto/keys.ts';
import { parseClusterId, parseFederationId, parseTrackId, type TrackId } from '../../../../proto/ids.ts';
import type { ReleaseTarget } from '../../../../proto/release/documents/catalogue.ts';
import type { ReceivedReleases } from '../../../../proto/release/walk.ts';
import { ReleasePress } from '../../testing/release-press.ts';
import type { Agent } from '../agent.ts';

export const federation = parseFederationId('herd');
export const cluster = parseClusterId('north');
export const tracks = [parseTrackId('syscall'), parseTrackId('flow')] as const;
const versions = 5;

/** Sets as a coordinator, its operators and a thief would have sent them one after the other, all really signed. */
export type History = Readonly<{ sets: readonly ReceivedReleases[]; isBelowFloor: (pinId: string) => boolean }>;

/** The same seed gives the same decisions; keys, and so digests, are new each time. */
export function signedHistory(seed: number, setCount: number): History {
  const random = seededRandom(seed);
  const below = (end: number) => Math.floor(random() * end);
  const [first, second] = tracks;
  const press = new ReleasePress(federation, first);
  for (const track of tracks)
    for (let version = 1; version <= versions; version += 1) press.releases.push(target(track, version));
  const floors: Record<string, number> = { [first]: 1, [second]: 1 };
  const exceptions = new Set<string>();
  const sets: ReceivedReleases[] = [];
  for (let count = 0; count < setCount; count += 1) {
    const channels = (floor: number) => {
      const legal = () => floor + below(versions - floor + 1);
      return { stable: { version: legal(), shadows: null }, canary: { version: legal(), shadows: 'stable' } };
    };
    for (const track of tracks) if (below(4) === 0) floors[track] = Math.min(versions - 1, (floors[track] ?? 1) + 1);
    press.floor = floors[first] as number;
    press.channels = channels(press.floor);
    const pointedAt = Object.values(press.channels).map(({ version }) => version);
    press.revoked = below(3) === 0 ? [1 + below(versions)].filter((version) => !pointedAt.includes(version)) : [];
    press.others = {
      [second]: { floor: floors[second] as number, revoked: [], channels: channels(floors[second] as number) },
    };
    press.assignments = tracks.flatMap((track) =>
      below(2) === 0 ? [{ track, channel: 'canary', subject: { cluster } }] : [],
    );
    if (below(3) === 0) {
      const belowFloor = below(2) === 0;
      const untilMs = below(2) === 0 ? Date.now() + below(3_600_000) : null;
      press.pin(1 + below(versions), cluster, { track: tracks[below(2)] as TrackId, belowFloor, untilMs });
      if (belowFloor) exceptions.add(`p${press.pins.length}`);
    } else if (below(4) === 0 && press.pins.length < 20) press.pin(versions, 'south');
    if (below(5) === 0) {
      if (below(2) === 0) press.onlineKeys = newSigningKeyPair();
      press.newRoot();
    }
    const { roots, timestamp, snapshot, catalogue, pins } = press.set(
      below(8) === 0 ? { releaseKeys: newSigningKeyPair() } : { lifetimeMs: 3_600_000 * (1 + below(24)) },
    );
    const empty = new Uint8Array();
    sets.push(plain({ roots, timestamp, snapshot, catalogue, pins }));
    if (below(6) === 0) sets.push(plain({ roots, timestamp: empty, snapshot: empty, catalogue: empty, pins: empty }));
  }
  return { sets, isBelowFloor: (pinId) => exceptions.has(pinId) };
}

/** Without Buffers, which a structured clone does not give back. */
function plain(received: ReceivedReleases): ReceivedReleases {
  return structuredClone(received);
}

function target(track: TrackId, version: number): ReleaseTarget {
  return { track, version, manifest: { digest: digestOf(Buffer.from(`${track}/${version}`)), bytes: 100 } };
}

/** A release as its files would be read. */
export function releaseOf(
  wanted: ReleaseTarget,
): NonNullable<Extract<Agent['turn'], { kind: 'restoring' }>['fetched']> {
  const { track, version } = wanted;
  const digest = digestOf(Buffer.from(`weights of ${track}/${version}`));
  const spec = { architecture: 'test/1', hyperparameters: {}, tensors: [{ name: 'w', shape: [1] }] };
  const manifest = {
    format: 'testudo/release/1',
    federation,
    track,
    version,
    base: null,
    round: null,
    schemaDigest: digest,
    createdAtMs: 0,
    build: 'press',
    files: [{ name: 'weights.bin', digest, bytes: 4 }],
  } as const;
  const model = { version, digest, spec, weightsPath: digest };
  return { target: wanted, manifest, model, antibodyPins: [], passedOver: [] };
}
