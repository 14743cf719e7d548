import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { isMissing, writeFileAtomic } from '../../../base/atomic-file.ts';
import { type Fault, type Result, refuse } from '../../../base/fault.ts';
import type { Timer, Timers } from '../../../base/time.ts';
import type { ReleaseFaultCode } from '../../../proto/release/faults.ts';
import { anchorTrust, parseTrust, type ReleaseTrust, trustedRoot } from '../../../proto/release/trust.ts';
import { type ReceivedReleases, walkReleases } from '../../../proto/release/walk.ts';
import {
  type ResponsePolicy,
  type ResponsePolicyFaultCode,
  responsePolicyInForce,
} from '../../../proto/response-policy.ts';
import { readKeptTwice, writeTwice } from '../../storage/kept-twice.ts';

const piece = z.base64().transform((text) => new Uint8Array(Buffer.from(text, 'base64')));
/** What a hub keeps of the signed set that it relays: every root from the first on, and the newest whole set. */
const relayed = z.object({
  roots: z.array(piece),
  set: z.object({ timestamp: piece, snapshot: piece, catalogue: piece, pins: piece }).nullable(),
});

type RelayedSet = Omit<ReceivedReleases, 'roots'>;
const nothing = new Uint8Array(0);
const noSet: RelayedSet = { timestamp: nothing, snapshot: nothing, catalogue: nothing, pins: nothing };

const lookMs = 5_000;

/** Why nothing is in force: there is no policy, or the set that would hold it does not pass. */
export type NoPolicy = ResponsePolicyFaultCode | ReleaseFaultCode;

type Held = Readonly<{ response: unknown; expiresAtMs: number }>;

export type PolicyFeedPorts = Readonly<{
  timers: Timers;
  onChange(): void;
  onRefused(fault: Fault): void;
  /** What the agent trusts had gone or was damaged, and its copy goes on; where the damaged one was kept, null for nowhere. */
  onStoodIn(setAside: string | null): void;
}>;

/** Where a feed reads and writes. */
export type PolicyPlaces = Readonly<{
  /** In which the cluster's hub keeps the signed set that it relays, where the agent can read it. */
  file?: string | undefined;
  /** What the agent trusts. */
  trustFile: string;
  /** The last set that passed: what stands at a start while the hub is away. */
  keptFile: string;
}>;

/**
 * The response policy, from the signed set that the cluster's hub tells, or keeps in a file. The agent makes the whole walk
 * itself and keeps its own trust: whoever says or writes that set can withhold a policy, and sign or bring back none.
 */
export class PolicyFeed {
  readonly #places: PolicyPlaces;
  readonly #ports: PolicyFeedPorts;
  #trust: ReleaseTrust | undefined;
  #held: Held | undefined;
  #seen = '';
  #fault: Fault<NoPolicy> = refuse('RESPONSE_POLICY_ABSENT', 'no signed set was read yet: agents only observe').fault;
  #timer: Timer | undefined;
  #looking: Promise<void>;
  #isClosed = false;

  #hearing: Promise<void> = Promise.resolve();

  private constructor(places: PolicyPlaces, trust: ReleaseTrust | undefined, ports: PolicyFeedPorts) {
    this.#places = places;
    this.#trust = trust;
    this.#ports = ports;
    this.#looking = this.#restore().then(() => this.#look());
  }

  /**
   * Resolves after the first look. Rejects on a stored trust of which no copy reads back either: forgetting it is what an
   * attacker wants.
   */
  static async open(places: PolicyPlaces, ports: PolicyFeedPorts): Promise<PolicyFeed> {
    const { trustFile } = places;
    const kept = await readKeptTwice(trustFile, (text) => {
      const read = parseTrust(jsonOf(text));
      return read.ok || read.fault.fields?.isNewer === true;
    });
    const trust = kept.kind === 'none' ? undefined : parseTrust(jsonOf(kept.text));
    if (trust !== undefined && !trust.ok) {
      const remedy = 'restore it or its copy beside it; without both the next root that the hub tells is trusted anew';
      throw new Error(`${trustFile}: ${trust.fault.message}: ${remedy}`);
    }
    if (kept.kind === 'copied') ports.onStoodIn(kept.setAside ?? null);
    const feed = new PolicyFeed(places, trust?.value, ports);
    await feed.#looking;
    return feed;
  }

  /** Of the newest root that is trusted; 0 before the first. */
  get rootVersion(): number {
    return this.#trust === undefined ? 0 : trustedRoot(this.#trust).version;
  }

  /** A set that the hub told. In the order of the calls; nothing of it is believed that does not pass. */
  async hear({ roots, ...set }: ReceivedReleases): Promise<void> {
    const hearing = this.#hearing.then(() => this.#walk({ roots, set }));
    this.#hearing = hearing.catch(() => undefined);
    await hearing;
  }

  /** What is in force, or why nothing is. */
  at(nowMs: number): Result<ResponsePolicy, NoPolicy> {
    if (this.#held === undefined) return { ok: false, fault: this.#fault };
    if (nowMs >= this.#held.expiresAtMs) {
      return refuse('RESPONSE_POLICY_EXPIRED', 'the signed set has ended and no newer one came: agents only observe');
    }
    return responsePolicyInForce(this.#held.response, nowMs);
  }

  /** Looks now rather than in a few seconds. */
  async look(): Promise<void> {
    await this.#looking;
    this.#ports.timers.cancel(this.#timer);
    this.#looking = this.#look();
    await this.#looking;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#ports.timers.cancel(this.#timer);
    await this.#looking;
  }

  /** What stood in force when the agent ended. */
  async #restore(): Promise<void> {
    if (this.#trust === undefined) return; // Nothing was ever trusted.
    const kept = relayed.safeParse(jsonOf((await textOf(this.#places.keptFile)) ?? ''));
    if (!kept.success || kept.data.set === null) return;
    const { roots, set } = kept.data;
    await this.hear({ roots, ...set });
  }

  async #look(): Promise<void> {
    const { file } = this.#places;
    if (file === undefined) return;
    try {
      const text = await readFile(file, 'utf8');
      if (text !== this.#seen) await this.#hearFile(file, text);
      this.#seen = text;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (!isMissing(error)) this.#ports.onRefused(refuse('POLICY_UNREADABLE', `${file}: ${code ?? message}`).fault);
    }
    if (this.#isClosed) return;
    this.#timer = this.#ports.timers.after(
      lookMs,
      () => {
        this.#looking = this.#look();
      },
      { background: true },
    );
  }

  async #hearFile(file: string, text: string): Promise<void> {
    const parsed = relayed.safeParse(jsonOf(text));
    if (!parsed.success) {
      return this.#ports.onRefused(refuse('POLICY_UNREADABLE', `${file}: no signed set`).fault);
    }
    const { roots, set } = parsed.data;
    await this.hear({ roots, ...(set ?? noSet) });
  }

  async #walk({ roots, set }: Readonly<{ roots: readonly Uint8Array[]; set: RelayedSet }>): Promise<void> {
    const { timers, onChange, onRefused } = this.#ports;
    const [first] = roots;
    if (this.#trust === undefined) {
      const anchored = first === undefined ? undefined : anchorTrust(first);
      if (anchored?.ok !== true) return onRefused(anchored?.fault ?? refuse('TRUST_INVALID', 'no root').fault);
      this.#trust = anchored.value;
    }
    const { rooted, result } = walkReleases(this.#trust, { roots, ...set }, timers.now());
    const next = result.ok && result.value !== null ? result.value.next : rooted;
    // Written first: what was believed once must not be forgotten by a crash.
    await writeTwice(this.#places.trustFile, JSON.stringify(next));
    this.#trust = next;
    if (!result.ok) {
      this.#fault = result.fault;
      return onRefused(result.fault);
    }
    if (result.value === null) return;
    const { pins, expiresAtMs } = result.value;
    this.#held = { response: pins.response, expiresAtMs };
    onChange();
    await writeFileAtomic(this.#places.keptFile, keptText(set));
  }
}

/** As a hub's own file, without the roots: the trust beside it holds the last one. */
function keptText(set: RelayedSet): string {
  const pieces = Object.entries(set).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]);
  return JSON.stringify({ roots: [], set: Object.fromEntries(pieces) });
}

async function textOf(file: string): Promise<string | undefined> {
  return await readFile(file, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
