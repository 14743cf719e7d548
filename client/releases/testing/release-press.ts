import { digestOf } from '../../../proto/digest.ts';
import { newSigningKeyPair, type SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import type { SubscribeResponse } from '../../../proto/generated/testudo/v1/releases.ts';
import type { Digest, FederationId, TrackId } from '../../../proto/ids.ts';
import { bytesOfValues } from '../../../proto/layout.ts';
import { type ModelSpec, schemaDigest, specBytes } from '../../../proto/model-spec.ts';
import type {
  AntibodyPin,
  Assignment,
  Catalogue,
  Channel,
  Pin,
  ReleaseTarget,
  TrackReleases,
} from '../../../proto/release/documents/catalogue.ts';
import { encodeManifest, releaseFileNames } from '../../../proto/release/documents/manifest.ts';
import type { ReleaseRoot } from '../../../proto/release/documents/root.ts';
import { signCatalogue, signPins, signRoot, signSnapshot, signTimestamp } from '../../../proto/release/sign.ts';

const dayMs = 86_400_000;

/** Makes and signs releases with the contract's own code: what a coordinator and its operators do, without either. */
export class ReleasePress {
  readonly federation: FederationId;
  readonly track: TrackId;
  readonly rootKeys = newSigningKeyPair();
  readonly pinKeys = newSigningKeyPair();
  releaseKeys = newSigningKeyPair();
  onlineKeys = newSigningKeyPair();
  /** Every file of every release, by digest. */
  readonly files = new Map<Digest, Buffer>();
  readonly releases: ReleaseTarget[] = [];
  readonly roots: Buffer[] = [];
  channels: Record<string, Channel> = {};
  assignments: Assignment[] = [];
  revoked: number[] = [];
  pins: Pin[] = [];
  antibodyPins: AntibodyPin[] = [];
  floor = 0;
  /** What the catalogue says of other tracks. */
  others: Record<TrackId, TrackReleases> = {};
  lifetimeMs = dayMs;
  #pieceVersion = 0;
  #pinsVersion = 0;

  constructor(federation: FederationId, track: TrackId) {
    this.federation = federation;
    this.track = track;
    this.newRoot();
  }

  /** The next root, with the keys of now. `by`: who signs beside the root key itself. */
  newRoot(by: readonly SigningKeyPair[] = [this.rootKeys]): Buffer {
    const one = (pair: SigningKeyPair) => ({ publicKeys: [pair.publicKey], threshold: 1 });
    const root: ReleaseRoot = {
      federation: this.federation,
      version: this.roots.length + 1,
      expiresAtMs: Date.now() + 365 * dayMs,
      roles: {
        root: one(this.rootKeys),
        timestamp: one(this.onlineKeys),
        snapshot: one(this.onlineKeys),
        targets: one(this.releaseKeys),
        pins: one(this.pinKeys),
      },
    };
    const bytes = signRoot(root, by);
    this.roots.push(bytes);
    return bytes;
  }

  /** A release of these weights, in no channel yet. */
  release(
    version: number,
    spec: ModelSpec,
    weights: Float32Array,
    extra: Readonly<Record<string, Buffer>> = {},
  ): ReleaseTarget {
    const contents: Record<string, Buffer> = {
      [releaseFileNames.spec]: Buffer.from(specBytes(spec)),
      [releaseFileNames.weights]: Buffer.from(bytesOfValues(weights)),
      ...extra,
    };
    const files = Object.entries(contents)
      .map(([name, bytes]) => ({ name, digest: this.#keep(bytes), bytes: bytes.length }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const manifest = encodeManifest({
      format: 'testudo/release/1',
      federation: this.federation,
      track: this.track,
      version,
      base: null,
      round: null,
      schemaDigest: schemaDigest(spec),
      createdAtMs: Date.now(),
      build: 'press',
      files,
    });
    const target = { track: this.track, version, manifest: { digest: this.#keep(manifest), bytes: manifest.length } };
    this.releases.push(target);
    return target;
  }

  /** Points a channel at a version. */
  point(channel: string, version: number, shadows: string | null = null): void {
    this.channels = { ...this.channels, [channel]: { version, shadows } };
  }

  pin(version: number, cluster: string, over: Partial<Pin> = {}): void {
    const pin = { pinId: `p${this.pins.length + 1}`, track: this.track, subject: { cluster }, version };
    const rest = { untilMs: null, belowFloor: false, reason: 'a test', setBy: 'ada' };
    this.pins = [...this.pins, { ...pin, ...rest, ...over } as Pin];
    this.#pinsVersion += 1;
  }

  /** For every cluster, unless told otherwise. */
  pinAntibody(antibody: Digest, bytes: number, over: Partial<AntibodyPin>): void {
    const pin = { pinId: `a${this.antibodyPins.length + 1}`, track: this.track, subject: null, antibody, bytes };
    const rest = { inUse: true, untilMs: null, reason: 'a test', setBy: 'ada' };
    this.antibodyPins = [...this.antibodyPins, { ...pin, ...rest, ...over }];
    this.#pinsVersion += 1;
  }

  unpin(): void {
    this.pins = [];
    this.antibodyPins = [];
    this.#pinsVersion += 1;
  }

  /** A whole set of everything as it is now, each piece a version newer than in the set before. */
  set(over: Readonly<{ lifetimeMs?: number; releaseKeys?: SigningKeyPair }> = {}): SubscribeResponse {
    this.#pieceVersion += 1;
    const version = this.#pieceVersion;
    const expiresAtMs = Date.now() + (over.lifetimeMs ?? this.lifetimeMs);
    const { federation } = this;
    const tracks = {
      ...this.others,
      [this.track]: { floor: this.floor, revoked: this.revoked, channels: this.channels },
    };
    const content = { version, expiresAtMs, tracks, assignments: this.assignments, releases: this.releases };
    const catalogue = signCatalogue(content as Catalogue, federation, [over.releaseKeys ?? this.releaseKeys]);
    const held = { pins: this.pins, antibodies: this.antibodyPins };
    const pins = signPins({ version: this.#pinsVersion + 1, expiresAtMs: pinsExpiryMs, ...held }, federation, [
      this.pinKeys,
    ]);
    const snapshot = signSnapshot({ version, expiresAtMs, catalogue, pins }, federation, [this.onlineKeys]);
    const timestamp = signTimestamp({ version, expiresAtMs, snapshot }, federation, [this.onlineKeys]);
    return { roots: [...this.roots], timestamp, snapshot, catalogue, pins, labels: [] };
  }

  #keep(bytes: Buffer): Digest {
    const digest = digestOf(bytes);
    this.files.set(digest, bytes);
    return digest;
  }
}

/** Fixed: one version of the pins is one string of bytes. */
const pinsExpiryMs = Date.UTC(2100, 0, 1);
