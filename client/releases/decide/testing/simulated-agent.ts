import { expect } from 'vitest';
import { refuse } from '../../../../base/fault.ts';
import type { TrackId } from '../../../../proto/ids.ts';
import { resolveRelease } from '../../../../proto/release/resolve.ts';
import { trustedRoot } from '../../../../proto/release/trust.ts';
import { walkReleases } from '../../../../proto/release/walk.ts';
import { type ModelName, nameOf } from '../../../scoring/score-protocol.ts';
import type { AgentState } from '../../agent-store.ts';
import { type Agent, floorOf, heldOf, newAgent, runningOf } from '../agent.ts';
import { type AgentEffect, type Answer, answerOf, type Due, type Happened, type Work } from '../effects.ts';
import { step } from '../step.ts';
import { cluster, federation, type History, releaseOf, tracks } from './signed-history.ts';

export type Outcome = 'well' | 'refused' | 'thrown';

/** What a real host holds: see ModelHost. */
type Host = { loaded: Set<ModelName>; live: ModelName | null; shadow: ModelName | null };

const works = new Set<string>(Object.keys(answerOf));
const idleDisk: AgentState = { federation: null, trust: null, expiresAtMs: null, tracks: {} };

/** An agent with its disk, its hosts and its clock in memory, which checks at each effect what must always hold. */
export class SimulatedAgent {
  agent: Agent;
  disk = idleDisk;
  nowMs: number;
  outstanding: Work | undefined;
  readonly due = new Set<Due>();
  /** Codes of what failed, until a refusal said so. Each failure has a code of its own. */
  readonly unsaid = new Set<string>();
  /** How many processes have died. */
  life = 0;
  installs = { made: 0, told: 0 };
  /** Models that a host failed to drop: they stay loaded, and nobody can help it. */
  readonly stuck = new Set<ModelName>();
  #hosts = new Map<TrackId, Host>();
  #failures = 0;
  /** A write failed: what is on disk may be behind what runs until the next one. */
  #isDiskBehind = false;
  readonly #history: History;

  constructor(history: History, nowMs: number) {
    this.#history = history;
    this.nowMs = nowMs;
    this.agent = this.#begin();
    this.hear({ kind: 'started' });
  }

  readonly host = (track: TrackId): Host => {
    const host = this.#hosts.get(track) ?? { loaded: new Set(), live: null, shadow: null };
    this.#hosts.set(track, host);
    return host;
  };

  hear(happened: Happened): readonly AgentEffect[] {
    const before = this.agent;
    const { agent, effects } = step(before, { ...happened, nowMs: this.nowMs });
    this.agent = agent;
    for (const effect of effects) this.#see(effect);
    if (agent.turn.kind === 'idle' && this.life === 0 && !this.#isDiskBehind) this.#checkDisk();
    return effects;
  }

  arrive(index: number): void {
    const received = this.#history.sets[index % this.#history.sets.length] as History['sets'][number];
    const { seen, stopping, who } = this.agent;
    const isJudged = seen !== null && !stopping && who !== undefined;
    const { result } = isJudged ? walkReleases(seen, received, this.nowMs) : { result: undefined };
    const standing = this.agent.faults.get(undefined)?.fault.code;
    const effects = this.hear({ kind: 'arrived', received, labels: {} });
    const hangsUp = effects.some(({ kind }) => kind === 'hangUp');
    if (result !== undefined) expect(hangsUp).toBe(!result.ok);
    if (result?.ok !== false) return;
    const said = effects.flatMap((one) => (one.kind === 'tell' && one.event.kind === 'refused' ? [one.event] : []));
    expect([standing, ...said.map(({ fault }) => fault.code)]).toContain(result.fault.code);
  }

  /** The work that is outstanding ends. */
  answer(outcome: Outcome): void {
    const work = this.outstanding;
    if (work === undefined) return;
    this.outstanding = undefined;
    const canRefuse = ['fetch', 'load', 'swap', 'startShadow'].includes(work.kind);
    if (outcome === 'well') this.#perform(work);
    this.#failures += outcome === 'well' ? 0 : 1;
    if (outcome === 'well') this.hear(this.#well(work));
    else if (outcome === 'refused' && canRefuse) {
      const code = `FAILURE_${this.#failures}`;
      // Who stops hangs up on itself, and says nothing of it.
      if (!this.agent.stopping) this.unsaid.add(code);
      const result = refuse(code, 'not this time');
      this.hear({ kind: answerOf[work.kind], result, milliseconds: 1 } as Answer);
    } else {
      this.#isDiskBehind ||= work.kind === 'persist';
      if (work.kind === 'drop') this.stuck.add(work.name);
      this.hear({ kind: 'threw', why: `failure ${this.#failures}` });
    }
  }

  /** The process dies, and another begins with what is on disk: a write that was under way is there, or is not. */
  crash(isWritten: boolean): void {
    if (isWritten && this.outstanding?.kind === 'persist') this.disk = this.outstanding.state;
    this.outstanding = undefined;
    this.life += 1;
    this.#hosts = new Map();
    this.due.clear();
    this.unsaid.clear();
    this.installs = { made: 0, told: 0 };
    this.agent = this.#begin();
    this.hear({ kind: 'started' });
  }

  enrol(): void {
    if (this.agent.who === undefined) this.hear({ kind: 'enrolled', who: { federation, cluster } });
  }

  /** Everything goes well from here on, until nothing is left to do. */
  settle(): void {
    for (let turns = 0; ; turns += 1) {
      expect(turns).toBeLessThan(500);
      if (this.outstanding !== undefined) this.answer('well');
      else if (this.due.delete('retry')) this.hear({ kind: 'due', what: 'retry' });
      else return;
    }
  }

  /** What the newest set says must run of a track now; undefined where it says nothing that counts. */
  wanted(track: TrackId): Readonly<{ live: number; shadow: number | null }> | undefined {
    const { latest } = this.agent;
    if (latest === null || this.disk.trust === null) return undefined;
    const { result } = walkReleases(this.disk.trust, latest.received, this.nowMs);
    if (!result.ok || result.value === null) return undefined;
    const { catalogue, pins } = result.value;
    const resolved = resolveRelease({ cluster, labels: {} }, track, catalogue, pins, this.nowMs);
    if (!resolved.ok) return undefined;
    return { live: resolved.value.live.version, shadow: resolved.value.shadow?.target.version ?? null };
  }

  /** What is on disk is what scores. */
  #checkDisk(): void {
    for (const track of tracks) {
      const { live } = runningOf(this.agent, track);
      if (live !== null) expect(heldOf(this.disk, track).live?.target).toEqual(live.release.target);
    }
  }

  #begin(): Agent {
    return newAgent({ tracks, keep: 2, anchorFile: undefined, storeFault: undefined, stored: this.disk });
  }

  #see(effect: AgentEffect): void {
    if (works.has(effect.kind)) {
      expect(this.outstanding, 'one piece of work at a time, and each once').toBeUndefined();
      this.outstanding = effect as Work;
      this.#check(effect as Work);
    } else if (effect.kind === 'wait') this.due.add(effect.what);
    else if (effect.kind === 'tell' && effect.event.kind === 'refused') this.unsaid.delete(effect.event.fault.code);
    else if (effect.kind === 'tell' && effect.event.kind === 'installed') this.installs.told += 1;
  }

  /** What no effect may ever ask for. */
  #check(work: Work): void {
    switch (work.kind) {
      case 'persist':
        expectNoWayBack(this.disk, work.state);
        return;
      case 'swap': {
        const { target } = work.to.release;
        expect(this.host(work.track).loaded).toContain(work.to.name);
        // On disk first: killed at any instant, the agent comes back with what it was about to run.
        const isRestored = this.agent.turn.kind === 'restoring';
        const held = heldOf(this.disk, work.track);
        const because = [held.live, ...held.earlier].find((one) => one?.target.version === target.version)?.because;
        if (isRestored) expect(because).toBeDefined();
        else expect(held.live?.target).toEqual(target);
        const isExcepted = because?.kind === 'pin' && this.#history.isBelowFloor(because.pinId);
        const isLastGood = isRestored && held.live?.target.version === target.version;
        if (!isExcepted && !isLastGood) {
          expect(target.version).toBeGreaterThanOrEqual(floorOf(this.disk, work.track));
        }
        return;
      }
      case 'startShadow':
        expect(work.live.name).toBe(this.host(work.track).live);
        return;
      case 'drop': {
        const { live, shadow } = this.host(work.track);
        expect([live, shadow], 'what runs is never dropped').not.toContain(work.name);
        return;
      }
      case 'prune':
        for (const track of tracks) {
          const { live } = runningOf(this.agent, track);
          if (live !== null) expect(work.digests).toContain(live.release.model.digest);
        }
    }
  }

  /** As the real ones do. */
  #perform(work: Work): void {
    if (work.kind === 'persist') this.disk = work.state;
    if (!('track' in work)) return;
    const host = this.host(work.track);
    switch (work.kind) {
      case 'load':
        host.loaded.add(nameOf(work.release.model));
        return;
      case 'swap':
        if (host.live !== null && host.live !== work.to.name) host.loaded.delete(host.live);
        host.live = work.to.name;
        if (this.agent.turn.kind !== 'restoring') this.installs.made += 1;
        return;
      case 'startShadow':
        host.shadow = work.shadow.name;
        host.loaded.add(work.shadow.name);
        return;
      case 'endShadow':
        if (host.shadow !== work.next && host.shadow !== null) host.loaded.delete(host.shadow);
        host.shadow = null;
        return;
      case 'drop':
        host.loaded.delete(work.name);
    }
  }

  #well(work: Work): Answer {
    const kind = answerOf[work.kind];
    switch (work.kind) {
      case 'fetch':
        return { kind: 'fetched', result: { ok: true, value: releaseOf(work.target) }, milliseconds: 1 };
      case 'load':
        return { kind: 'loaded', result: { ok: true, value: nameOf(work.release.model) }, milliseconds: 1 };
      case 'swap':
      case 'startShadow':
        return { kind, result: { ok: true, value: undefined } } as Answer;
      default:
        return { kind } as Answer;
    }
  }
}

/** Trust grows: a root by its version, and under one root each piece by its version, and each floor. */
function expectNoWayBack(before: AgentState, after: AgentState): void {
  if (before.trust === null) return;
  expect(after.trust).not.toBeNull();
  const [old, young] = [before.trust, after.trust as NonNullable<typeof after.trust>];
  const oldRoot = trustedRoot(old).version;
  const youngRoot = trustedRoot(young).version;
  expect(youngRoot).toBeGreaterThanOrEqual(oldRoot);
  // A root that takes a key away forgets what that key may have signed.
  if (youngRoot > oldRoot) return;
  for (const piece of ['timestamp', 'snapshot', 'catalogue', 'pins'] as const) {
    expect(young.accepted?.[piece]?.version ?? 0).toBeGreaterThanOrEqual(old.accepted?.[piece]?.version ?? 0);
  }
  for (const track of tracks) expect(floorOf(after, track)).toBeGreaterThanOrEqual(floorOf(before, track));
}
