import type { Fault, Result } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import type { Digest, FederationId, TrackId } from '../../../proto/ids.ts';
import type { AntibodyPin, ReleaseTarget } from '../../../proto/release/documents/catalogue.ts';
import type { ModelName } from '../../scoring/score-protocol.ts';
import type { AgentEvent, Who } from '../agent-ports.ts';
import type { AgentState } from '../agent-store.ts';
import type { FetchedRelease } from '../fetch-release.ts';
import type { Word } from '../reports/reporter.ts';
import type { Agent, Latest, Loaded } from './agent.ts';

/** What a `wait` is for: another try, the next report on shadow runs, the end of a pin or of the metadata. */
export type Due = 'retry' | 'shadowReport' | 'expiry';

/** How an effect that takes its time ended. The turn goes on with it. */
export type Answer = Readonly<
  | { kind: 'persisted' }
  | { kind: 'fetched'; result: Result<FetchedRelease>; milliseconds: number }
  | { kind: 'loaded'; result: Result<ModelName>; milliseconds: number }
  | { kind: 'swapped'; result: Result<undefined> }
  | { kind: 'shadowStarted'; result: Result<undefined> }
  | { kind: 'shadowEnded' }
  | { kind: 'shadowReported' }
  | { kind: 'dropped' }
  | { kind: 'pruned' }
  /** Nothing that is expected: a full disk, say. */
  | { kind: 'threw'; why: string }
>;

export type Happened = Readonly<
  | Answer
  /** The process begins: run what it ran before. */
  | { kind: 'started' }
  /** There is an identity to follow the coordinator with. */
  | { kind: 'enrolled'; who: Who }
  | { kind: 'connected' }
  | { kind: 'disconnected' }
  /** A set, or roots alone. */
  | ({ kind: 'arrived' } & Latest)
  | { kind: 'due'; what: Due }
  /** A report could not be kept. */
  | { kind: 'reportLost'; why: string }
  | { kind: 'stopped' }
>;

/** Something that happened, and when by this machine's clock. */
export type HappenedAt = Happened & Readonly<{ nowMs: EpochMs }>;

/** Effects that the turn waits for; each brings the answer that is named beside it. One is in flight at a time. */
export type Work = Readonly<
  | { kind: 'persist'; state: AgentState }
  | {
      kind: 'fetch';
      track: TrackId;
      target: ReleaseTarget;
      federation: FederationId;
      antibodyPins: readonly AntibodyPin[];
    }
  | { kind: 'load'; track: TrackId; release: FetchedRelease }
  | { kind: 'swap'; track: TrackId; to: Loaded }
  | { kind: 'startShadow'; track: TrackId; shadow: Loaded; live: Loaded }
  /** Reported on for the last time. `next` stays loaded. */
  | { kind: 'endShadow'; track: TrackId; who: Who; shadow: Loaded; live: Loaded; next: ModelName | undefined }
  | { kind: 'reportShadow'; track: TrackId; who: Who; shadow: Loaded; live: Loaded }
  | { kind: 'drop'; track: TrackId; name: ModelName }
  /** All other files are removed; those of `held` as their manifests list them. */
  | { kind: 'prune'; digests: readonly Digest[]; held: readonly ReleaseTarget[]; federation: FederationId }
>;

export const answerOf = {
  persist: 'persisted',
  fetch: 'fetched',
  load: 'loaded',
  swap: 'swapped',
  startShadow: 'shadowStarted',
  endShadow: 'shadowEnded',
  reportShadow: 'shadowReported',
  drop: 'dropped',
  prune: 'pruned',
} as const satisfies Record<Work['kind'], Answer['kind']>;

export type AgentEffect = Readonly<
  | Work
  /** Follow the coordinator. */
  | { kind: 'follow' }
  /** Tell `due` later; what was waited for under the same word is not any more. */
  | { kind: 'wait'; what: 'retry'; attempt: number }
  | { kind: 'wait'; what: 'shadowReport' }
  | { kind: 'wait'; what: 'expiry'; untilMs: EpochMs }
  /** Tell this process. */
  | { kind: 'tell'; event: AgentEvent }
  /** Tell the coordinator, signed. */
  | { kind: 'acknowledge'; word: Word }
  /** End the stream, once what was refused of it is reported. */
  | { kind: 'hangUp'; fault: Fault }
>;

export type Step = Readonly<{ agent: Agent; effects: readonly AgentEffect[] }>;

export function stay(agent: Agent): Step {
  return { agent, effects: [] };
}

/** One step after the other. */
export function inTurn(agent: Agent, ...steps: readonly ((agent: Agent) => Step)[]): Step {
  return steps.reduce<Step>((before, next) => {
    const after = next(before.agent);
    return { agent: after.agent, effects: [...before.effects, ...after.effects] };
  }, stay(agent));
}

export function tell(event: AgentEvent): (agent: Agent) => Step {
  return (agent) => ({ agent, effects: [{ kind: 'tell', event }] });
}

/** Begins a piece of work; the turn goes on with its answer. */
export function ask(work: Work): (agent: Agent) => Step {
  return (agent) => ({ agent: { ...agent, awaits: answerOf[work.kind] }, effects: [work] });
}
