import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { isMissing, writeFileAtomic } from '../../../base/atomic-file.ts';
import { type Fault, type Result, refuse } from '../../../base/fault.ts';
import type { Timer, Timers } from '../../../base/time.ts';
import type { ReleaseFaultCode } from '../../../proto/release/faults.ts';
import { anchorTrust, parseTrust, type ReleaseTrust } from '../../../proto/release/trust.ts';
import { walkReleases } from '../../../proto/release/walk.ts';
import {
  type ResponsePolicy,
  type ResponsePolicyFaultCode,
  responsePolicyInForce,
} from '../../../proto/response-policy.ts';

const piece = z.base64().transform((text) => new Uint8Array(Buffer.from(text, 'base64')));
/** What a hub keeps of the signed set that it relays: every root from the first on, and the newest whole set. */
const relayed = z.object({
  roots: z.array(piece),
  set: z.object({ timestamp: piece, snapshot: piece, catalogue: piece, pins: piece }).nullable(),
});

const lookMs = 5_000;

/** Why nothing is in force: there is no policy, or the set that would hold it does not pass. */
export type NoPolicy = ResponsePolicyFaultCode | ReleaseFaultCode;

type Held = Readonly<{ response: unknown; expiresAtMs: number }>;

export type PolicyFeedPorts = Readonly<{
  timers: Timers;
  onChange(): void;
  onRefused(fault: Fault): void;
}>;

/**
 * The response policy, from the signed set that the cluster's hub keeps in a file. The agent makes the whole walk itself and
 * keeps its own trust: whoever writes that file can withhold a policy, and sign or bring back none.
 */
export class PolicyFeed {
  readonly #file: string;
  readonly #trustFile: string;
  readonly #ports: PolicyFeedPorts;
  #trust: ReleaseTrust | undefined;
  #held: Held | undefined;
  #seen = '';
  #fault: Fault<NoPolicy> = refuse('RESPONSE_POLICY_ABSENT', 'no signed set was read yet: agents only observe').fault;
  #timer: Timer | undefined;
  #looking: Promise<void>;
  #isClosed = false;

  private constructor(file: string, trustFile: string, trust: ReleaseTrust | undefined, ports: PolicyFeedPorts) {
    this.#file = file;
    this.#trustFile = trustFile;
    this.#trust = trust;
    this.#ports = ports;
    this.#looking = this.#look();
  }

  /** Resolves after the first look. Rejects on a stored trust that cannot be read: forgetting it is what an attacker wants. */
  static async open(file: string, trustFile: string, ports: PolicyFeedPorts): Promise<PolicyFeed> {
    const stored = await readFile(trustFile, 'utf8').catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    const trust = stored === undefined ? undefined : parseTrust(jsonOf(stored));
    if (trust !== undefined && !trust.ok) throw new Error(`${trustFile}: ${trust.fault.message}`);
    const feed = new PolicyFeed(file, trustFile, trust?.value, ports);
    await feed.#looking;
    return feed;
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

  async #look(): Promise<void> {
    try {
      const text = await readFile(this.#file, 'utf8');
      if (text !== this.#seen) await this.#hear(text);
      this.#seen = text;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (!isMissing(error))
        this.#ports.onRefused(refuse('POLICY_UNREADABLE', `${this.#file}: ${code ?? message}`).fault);
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

  async #hear(text: string): Promise<void> {
    const { timers, onChange, onRefused } = this.#ports;
    const parsed = relayed.safeParse(jsonOf(text));
    if (!parsed.success) return onRefused(refuse('POLICY_UNREADABLE', `${this.#file}: no signed set`).fault);
    const { roots, set } = parsed.data;
    const [first] = roots;
    if (this.#trust === undefined) {
      const anchored = first === undefined ? undefined : anchorTrust(first);
      if (anchored?.ok !== true) return onRefused(anchored?.fault ?? refuse('TRUST_INVALID', 'no root').fault);
      this.#trust = anchored.value;
    }
    const nothing = new Uint8Array(0);
    const none = { timestamp: nothing, snapshot: nothing, catalogue: nothing, pins: nothing };
    const { rooted, result } = walkReleases(this.#trust, { roots, ...(set ?? none) }, timers.now());
    const next = result.ok && result.value !== null ? result.value.next : rooted;
    // Written first: what was believed once must not be forgotten by a crash.
    await writeFileAtomic(this.#trustFile, JSON.stringify(next));
    this.#trust = next;
    if (!result.ok) {
      this.#fault = result.fault;
      return onRefused(result.fault);
    }
    if (result.value === null) return;
    const { pins, expiresAtMs } = result.value;
    this.#held = { response: pins.response, expiresAtMs };
    onChange();
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
