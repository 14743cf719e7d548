import { join } from 'node:path';
import { z } from 'zod';
import { type Fault, refuse } from '../../base/fault.ts';
import { type Digest, type FederationId, isDigest, isFederationId, isTrackId, type TrackId } from '../../proto/ids.ts';
import type { AntibodyPin, ReleaseTarget } from '../../proto/release/documents/catalogue.ts';
import { antibodyPin } from '../../proto/release/documents/shapes.ts';
import { parseTrust, type ReleaseTrust } from '../../proto/release/trust.ts';
import { readKeptTwice, setAsideOf, writeTwice } from '../storage/kept-twice.ts';

/** Why a version is live, kept so that it can be said without the metadata that said so. */
export type Because = Readonly<
  | { kind: 'pin'; pinId: string; untilMs: number | null; reason: string; setBy: string }
  | { kind: 'channel'; channel: string }
>;

/** A release that was verified in full and whose files lie on this machine. */
export type HeldRelease = Readonly<{
  target: ReleaseTarget;
  because: Because;
  installedAtMs: number;
  /** Antibodies that operators held this cluster to while it was live; absent for none. */
  antibodyPins?: readonly AntibodyPin[] | undefined;
}>;

export type HeldTrack = Readonly<{
  live: HeldRelease | null;
  /** Live before it, newest first: a rollback to one of these needs no download. */
  earlier: readonly HeldRelease[];
}>;

/**
 * What the agent must not forget. One file, so that floors and the live version cannot disagree: killed at any instant,
 * it holds what was true before a set or what is true after it.
 */
export type AgentState = Readonly<{
  /** Whose releases these are; null before the first contact. */
  federation: FederationId | null;
  /** null before the first contact. */
  trust: ReleaseTrust | null;
  /** When the trusted metadata expires, milliseconds since the epoch; null before the first set. */
  expiresAtMs: number | null;
  tracks: Readonly<Record<TrackId, HeldTrack>>;
}>;

const format = 'testudo/agent/1';

const version = z.int().min(0);
const because: z.ZodType<Because> = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('pin'),
    pinId: z.string(),
    untilMs: z.int().nullable(),
    reason: z.string(),
    setBy: z.string(),
  }),
  z.object({ kind: z.literal('channel'), channel: z.string() }),
]);
const held = z.object({
  target: z.object({
    track: z.custom<TrackId>(isTrackId),
    version,
    manifest: z.object({ digest: z.custom<Digest>(isDigest), bytes: z.int().positive() }),
  }),
  // A model goes on also where only a newer build knows why, or what else it was held to.
  because: because.catch({ kind: 'channel', channel: 'unknown' }),
  installedAtMs: z.int(),
  antibodyPins: z.array(antibodyPin).optional().catch(undefined),
});
/** Read without what this build does not know, and then held against what was read: whatever is missing, a newer build wrote. */
const stored = z.object({
  format: z.literal(format),
  federation: z.custom<FederationId>(isFederationId).nullable(),
  trust: z.unknown(),
  expiresAtMs: z.int().nullable(),
  tracks: z.record(z.custom<TrackId>(isTrackId), z.object({ live: held.nullable(), earlier: z.array(held).max(64) })),
});

const nothing: AgentState = { federation: null, trust: null, expiresAtMs: null, tracks: {} };

/** What the stored text says, as far as it can be used. */
type Read = Readonly<{
  state: AgentState;
  /** What makes it unusable; the models that it names still run. */
  fault?: Fault | undefined;
  /** It is as a newer build wrote it, rather than damaged. */
  isNewer?: boolean;
}>;

export type AgentStoreFound = Readonly<{
  /** What made the stored state unusable. The models that it names still run; nothing new is installed. */
  fault: Fault | undefined;
  /** The state had gone or was damaged, and its copy stands in for it. */
  isCopy: boolean;
  /** Damaged states, by their paths, that were set aside and not removed since. */
  setAside: readonly string[];
}>;

/** The agent's state on disk. */
export class AgentStore {
  readonly #path: string;
  readonly found: AgentStoreFound;
  #state: AgentState;

  private constructor(path: string, state: AgentState, found: AgentStoreFound) {
    this.#path = path;
    this.#state = state;
    this.found = found;
  }

  /**
   * Nothing there is a first start. A state that does not read back is not: forgetting trust is what an attacker wants. Its
   * copy, which is never older, goes on in its place.
   */
  static async open(folder: string): Promise<AgentStore> {
    const path = join(folder, 'state.json');
    const kept = await readKeptTwice(path, (text) => {
      const { fault, isNewer } = readState(text, path);
      return fault === undefined || isNewer === true;
    });
    const { state, fault }: Read = kept.kind === 'none' ? { state: nothing } : readState(kept.text, path);
    const setAside = (await setAsideOf(path)).map((name) => join(folder, name));
    return new AgentStore(path, state, { fault, isCopy: kept.kind === 'copied', setAside });
  }

  get state(): AgentState {
    return this.#state;
  }

  track(track: TrackId): HeldTrack {
    return this.#state.tracks[track] ?? { live: null, earlier: [] };
  }

  /** On disk when it resolves; nothing is written where nothing changed. */
  async save(next: AgentState): Promise<void> {
    if (this.found.fault !== undefined) throw new Error('a state that did not read back is not written over');
    const text = JSON.stringify({ format, ...next });
    if (text === JSON.stringify({ format, ...this.#state })) return;
    await writeTwice(this.#path, text);
    this.#state = next;
  }
}

function readState(text: string, path: string): Read {
  const read = parsedJson(text);
  const parsed = stored.safeParse(read);
  if (!parsed.success) {
    const both = `${path} and its copy beside it`;
    const why = `${both} are not as the agent wrote them; restore one, or remove both to trust the coordinator's root anew`;
    return { state: nothing, fault: refuse('TRUST_INVALID', why).fault };
  }
  const { trust, format: _, ...rest } = parsed.data;
  const unknown = lostIn(read, parsed.data);
  const newer = unknown === undefined ? {} : { fault: ofANewerBuild(path, unknown), isNewer: true };
  if (trust === null) return { state: { trust, ...rest }, ...newer };
  const checked = parseTrust(trust);
  if (checked.ok) return { state: { trust: checked.value, ...rest }, ...newer };
  return {
    state: { trust: null, ...rest },
    fault: checked.fault,
    isNewer: checked.fault.fields?.isNewer === true,
    ...newer,
  };
}

function ofANewerBuild(path: string, unknown: string): Fault {
  const what = `${path} has ${unknown} as this build does not know it: a newer one wrote the file`;
  const remedy = 'start that one, or a newer; the models that it names go on, and nothing new is installed';
  return refuse('TRUST_INVALID', `${what}; ${remedy}`).fault;
}

/** The first member that was read and is not kept as it was, by its path. */
function lostIn(read: unknown, kept: unknown, path: readonly string[] = []): string | undefined {
  if (typeof read !== 'object' || read === null) return read === kept ? undefined : path.join('.');
  if (typeof kept !== 'object' || kept === null) return path.join('.');
  for (const [name, value] of Object.entries(read)) {
    const lost = Object.hasOwn(kept, name)
      ? lostIn(value, (kept as Record<string, unknown>)[name], [...path, name])
      : [...path, name].join('.');
    if (lost !== undefined) return lost;
  }
  return undefined;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
