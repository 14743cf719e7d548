import type { Result } from '../../../base/fault.ts';
import type { ClusterId } from '../../../proto/ids.ts';
import type { ResponseLevel, ResponsePolicy } from '../../../proto/response-policy.ts';
import type { ClusterFaultCode, Done } from '../cluster/cluster.ts';
import type { Facts, PodFact } from '../cluster/facts.ts';
import { selects } from '../cluster/selector.ts';
import { type Running, watchBreaker } from '../ladder/breaker.ts';
import { type Decision, decide, heldText } from '../ladder/decide.ts';
import type { Sighting } from '../ladder/sighting.ts';
import type { ClusterAction, Next, Part } from '../part.ts';
import type { DeskAction } from './desk.ts';
import { type Mark, markOf, quarantineChange } from './marks.ts';
import type { Begun, Memory } from './memory.ts';
import { type Order, wordOn } from './orders.ts';
import type { NoPolicy } from './policy-feed.ts';
import type { Asked, Seen, SeenSuspect } from './seen.ts';
import { type Suspect, suspectsOf } from './suspects.ts';

/** What the part knows beside the cluster's facts. `isShared`: the next leader would know of `memory` too. */
export type QuarantineInputs = Readonly<{
  cluster: ClusterId;
  /** What this cluster's own configuration allows at most. */
  cap: ResponseLevel;
  policy: Result<ResponsePolicy, NoPolicy>;
  sightings: readonly Sighting[];
  /** What each track runs, as the hub said last; empty where none tells. */
  running: readonly Running[];
  orders: readonly Order[];
  memory: Memory;
  isShared: boolean;
}>;

export type QuarantinePorts = Readonly<{
  inputs(nowMs: number): QuarantineInputs;
  perform(action: DeskAction): Promise<Done>;
  /** What stands after each look: for pages, metrics and the log. */
  onSeen(seen: Seen): void;
}>;

type Wait = Readonly<{ sinceMs: number; untilMs: number; code: ClusterFaultCode; message: string }>;

type State = Readonly<{
  /** Actions that run, by id. */
  running: ReadonlySet<string>;
  /** Ids of actions that were refused, and until when they are not tried again. */
  waits: ReadonlyMap<string, Wait>;
  /** Until when the budgets of the cluster are known to allow the pod's disruption. */
  granted: ReadonlyMap<string, number>;
  /** The version of the pod that was patched last: facts that still show it are older than the answer. */
  patched: ReadonlyMap<string, string>;
  /** Pods whose isolation was judged, and when. */
  judged: ReadonlyMap<string, number>;
  /** Pods that were evicted, and until when that is believed though facts do not show it. */
  evicted: ReadonlyMap<string, number>;
}>;

const first: State = {
  running: new Set(),
  waits: new Map(),
  granted: new Map(),
  patched: new Map(),
  judged: new Map(),
  evicted: new Map(),
};

const grantedMs = 10_000;
const evictedUnseenMsMax = 30_000;
/** Policies change under a pod that is kept for a day. */
const judgeAgainMs = 300_000;

/** How long what was refused is let be, where the server did not say. */
const pauseMs: Partial<Record<ClusterFaultCode, number>> = {
  POD_CHANGED: 200,
  POD_GONE: 200,
  OUTCOME_UNKNOWN: 2_000,
  NOT_LEADER: 1_000,
  FORBIDDEN: 60_000,
};
const pauseMsElse = 30_000;
const budgetPauseMs = 500;

type Action = ClusterAction | DeskAction;

/**
 * Quarantine of pods: evidence and budget on disk, then the API's own budgets asked, then one patch. Everything that is true of a
 * pod in quarantine stands in its labels and annotations; what was begun stands on disk. So an agent that is killed at
 * any instant leaves a pod that is in quarantine or one that is not, and the next one goes on.
 */
export function quarantinePart(ports: QuarantinePorts): Part<State, DeskAction> {
  return {
    name: 'quarantine',
    first,
    step: (state, facts, now) => step(state, facts, now, ports.inputs(now), ports.onSeen),
    heard,
    perform: ports.perform,
  };
}

function step(
  state: State,
  facts: Facts,
  now: number,
  inputs: QuarantineInputs,
  onSeen: QuarantinePorts['onSeen'],
): Next<State, DeskAction> {
  const wanted: Action[] = [];
  const quarantined = marked(facts);
  const suspects: SeenSuspect[] = [];
  const moves = new Moves(state, now, wanted);
  if (facts.blindSinceMs === null) {
    endings(moves, quarantined, inputs.orders, now);
    if (!inputs.isShared) moves.want({ kind: 'own', id: 'share', do: 'share' });
    const breaker = breakerNow(moves, facts, inputs, now);
    for (const suspect of suspectsOf(inputs.sightings, facts, now)) {
      if (quarantined.some(({ pod }) => pod.uid === suspect.pod.uid)) continue;
      suspects.push(look(moves, suspect, facts, { ...inputs, memory: { ...inputs.memory, breaker } }, now));
    }
    tidy(moves, facts, quarantined, inputs, now);
  }
  onSeen({ isBlind: facts.blindSinceMs !== null, suspects, quarantined });
  const actions = wanted.filter((action) => {
    const { id } = action;
    const wait = state.waits.get(id);
    if (state.running.has(id) || isEvicted(state, action, now)) return false;
    if (wait === undefined || wait.untilMs <= now) return true;
    // A budget that had nothing left is waited for by its own watch.
    const isBudget = wait.code === 'BUDGET_NONE_LEFT' && now - wait.sinceMs >= budgetPauseMs;
    const pod = 'pod' in action ? facts.pods.get(action.pod.uid) : undefined;
    return isBudget && pod !== undefined && hasRoom(pod, facts);
  });
  const running = new Set([...state.running, ...actions.map(({ id }) => id)]);
  const patched = new Map([...state.patched].filter(([uid]) => facts.pods.has(uid)));
  for (const action of actions) if (action.kind === 'patchPod') patched.set(action.pod.uid, action.pod.resourceVersion);
  const later = [
    ...quarantined.map(({ mark }) => mark.untilMs),
    ...state.evicted.values(),
    ...[...state.waits.values()].flatMap(({ untilMs, sinceMs }) => [untilMs, sinceMs + budgetPauseMs]),
  ].filter((atMs) => atMs > now && Number.isFinite(atMs));
  return { state: { ...state, running, patched }, actions, wakeAtMs: later.length === 0 ? null : Math.min(...later) };
}

/** An answer comes before its watch: whoever was evicted is not evicted once more for that. */
function isEvicted({ evicted }: State, action: Action, now: number): boolean {
  return action.kind === 'evictPod' && !action.dryRun && (evicted.get(action.pod.uid) ?? 0) > now;
}

/** Whether the disruption budgets that select a pod would let one more go, as far as their watch tells. */
function hasRoom({ namespace, labels }: Pick<PodFact, 'namespace' | 'labels'>, { budgets }: Facts): boolean {
  for (const budget of budgets.values()) {
    const isMine = budget.namespace === namespace && selects(budget.selector, labels);
    if (isMine && (!budget.isCurrent || budget.disruptionsAllowed < 1)) return false;
  }
  return true;
}

/** Collects what is wanted. */
class Moves {
  readonly state: State;
  /** The quarantine that this look begins. */
  recording: string | undefined;
  readonly #now: number;
  readonly #wanted: Action[];

  constructor(state: State, now: number, wanted: Action[]) {
    this.state = state;
    this.#now = now;
    this.#wanted = wanted;
  }

  want(action: Action): void {
    this.#wanted.push(action);
  }

  /** Why an action is not tried at present. */
  waiting(id: string): string | undefined {
    const wait = this.state.waits.get(id);
    return wait !== undefined && wait.untilMs > this.#now ? wait.message : undefined;
  }
}

function marked(facts: Facts): Seen['quarantined'] {
  const found: Readonly<{ pod: PodFact; mark: Mark }>[] = [];
  for (const pod of facts.pods.values()) {
    const mark = pod.isDeleting ? undefined : markOf(pod);
    if (mark !== undefined) found.push({ pod, mark });
  }
  return found;
}

/** Judges what is in quarantine, and evicts it when its time is over or an operator lifts it: its replacement runs already. */
function endings(moves: Moves, quarantined: Seen['quarantined'], orders: readonly Order[], now: number): void {
  for (const { pod, mark } of quarantined) {
    const isLifted = orders.some(({ kind, uid }) => kind === 'lift' && uid === pod.uid);
    const judgedMs = moves.state.judged.get(pod.uid);
    if (isLifted || now >= mark.untilMs) moves.want({ kind: 'evictPod', id: `end/${pod.uid}`, pod, dryRun: false });
    else if (judgedMs === undefined || now - judgedMs >= judgeAgainMs) {
      moves.want({ kind: 'own', id: `judge/${pod.uid}`, do: 'judge', pod });
    }
  }
}

function breakerNow(moves: Moves, facts: Facts, { policy, sightings, running, memory }: QuarantineInputs, now: number) {
  if (!policy.ok) return memory.breaker;
  const breaker = watchBreaker(memory.breaker, sightings, facts.pods.size, policy.value.breaker, now, running);
  // It counts in this very look; that it survives is written at the same time.
  if (JSON.stringify(breaker) !== JSON.stringify(memory.breaker)) {
    moves.want({ kind: 'own', id: 'breaker', do: 'breaker', breaker });
  }
  return breaker;
}

function look(moves: Moves, suspect: Suspect, facts: Facts, inputs: QuarantineInputs, now: number): SeenSuspect {
  const { pod, workload, sightings, risk, how } = suspect;
  const { uid, namespace } = pod;
  const begun = inputs.memory.begun.find((one) => one.uid === uid);
  const word = wordOn(uid, inputs.orders);
  // Who declined has looked at what there was: what comes after it may ask anew.
  const counted = word?.kind === 'decline' ? sightings.filter(({ atMs }) => atMs > word.atMs) : sightings;
  const decided = decide(
    {
      ...{ cluster: inputs.cluster, namespace, workload, policy: inputs.policy, cap: inputs.cap },
      sightings: counted,
      breaker: inputs.memory.breaker,
      spent: isSpentFor(uid, inputs.memory) ? [] : inputs.memory.spent,
      pods: facts.pods.size,
      isApproved: word?.kind === 'approve' && (begun !== undefined || !isStale(word, inputs, now)),
    },
    now,
  );
  const seen = (state: SeenSuspect['state'], because: string): SeenSuspect => ({
    ...{ pod, workload, risk, state, because },
    alerts: sightings.length,
  });
  if (decided.kind === 'quiet') {
    const since = word?.kind === 'decline' ? ` since ${word.by} declined it` : '';
    return seen('quiet', `${decided.alerts} of ${decided.needed} independent alerts${since}`);
  }
  if (how.kind === 'nothing') return seen('held', how.because);
  if (decided.kind === 'held') return seen('held', heldText(decided.back));
  if (decided.kind === 'ask') {
    const tracks = [...new Set(decided.alerts.map(({ track }) => track))].sort();
    const keepForMs = inputs.policy.ok ? inputs.policy.value.keepForMs : 0;
    const asks: Asked = { action: how.kind, keepForMs, untilMs: decided.untilMs, tracks };
    return { ...seen('waits', `testudo quarantine approve ${uid} -d FOLDER -r WHY`), asks };
  }
  // Another leader would spend the same budget again.
  if (begun !== undefined && !inputs.isShared) return seen('begun', moves.waiting('share') ?? 'the lease is told');
  const keepForMs = inputs.policy.ok ? inputs.policy.value.keepForMs : 0;
  if (begun === undefined) return begin(moves, suspect, decided, seen);
  return proceed(moves, suspect, begun, keepForMs, now, seen);
}

/**
 * An approval is of the alerts that its giver has seen, and leaves the window as they do: one that was given to an agent that did not
 * lead, or that a budget held back for a day, is of a pod that nobody has looked at since.
 */
function isStale({ kind, atMs }: Order, { policy }: Pick<QuarantineInputs, 'policy'>, now: number): boolean {
  return kind === 'approve' && policy.ok && now - atMs >= policy.value.evidence.windowMs;
}

/** By this agent, or by one that led before it and got no further. */
const isSpentFor = (uid: string, { begun, spent }: Memory) => [...begun, ...spent].some((one) => one.uid === uid);

/** One at a time: the budget of the next is looked at when this one is spent. */
function begin(
  moves: Moves,
  { pod, workload, sightings, how }: Suspect,
  decided: Extract<Decision, { kind: 'enforce' }>,
  seen: (state: SeenSuspect['state'], because: string) => SeenSuspect,
): SeenSuspect {
  const id = `record/${pod.uid}`;
  const other = [...moves.state.running].find((one) => one.startsWith('record/') && one !== id);
  const isAsked = moves.recording !== undefined && moves.recording !== id;
  if (other !== undefined || isAsked) return seen('held', 'another quarantine is being begun');
  moves.recording = id;
  const because = { how: how.kind, independent: decided.alerts.map(({ id }) => id) };
  moves.want({ kind: 'own', id, do: 'record', pod, workload, sightings, because });
  return seen('begun', moves.waiting(id) ?? 'evidence is taken');
}

function proceed(
  moves: Moves,
  { pod, how }: Suspect,
  begun: Begun,
  keepForMs: number,
  now: number,
  seen: (state: SeenSuspect['state'], because: string) => SeenSuspect,
): SeenSuspect {
  const { uid } = pod;
  if (how.kind === 'evict') {
    moves.want({ kind: 'evictPod', id: `evict/${uid}`, pod, dryRun: false });
    return seen('begun', moves.waiting(`evict/${uid}`) ?? 'it is evicted');
  }
  // A release is no disruption to the API server, so no budget would be looked at: it is asked first.
  if ((moves.state.granted.get(uid) ?? 0) <= now) {
    moves.want({ kind: 'evictPod', id: `check/${uid}`, pod, dryRun: true });
    return seen('begun', moves.waiting(`check/${uid}`) ?? 'disruption budgets are asked');
  }
  const id = `patch/${uid}`;
  // Facts come later than answers: the same version once more would be refused, or is what we did ourselves.
  const isOld = moves.state.patched.get(uid) === pod.resourceVersion && !moves.state.waits.has(id);
  if (!isOld) {
    const mark = { atMs: now, untilMs: now + keepForMs, evidence: begun.evidence, alerts: begun.alerts };
    moves.want({ kind: 'patchPod', id, pod, change: quarantineChange(pod, mark) });
  }
  return seen('begun', moves.waiting(id) ?? 'it is isolated');
}

/** What is over leaves nothing behind: orders that are done or lift what has not begun, pods that are gone or marked. */
function tidy(
  moves: Moves,
  facts: Facts,
  quarantined: Seen['quarantined'],
  inputs: QuarantineInputs,
  now: number,
): void {
  const { orders, memory } = inputs;
  const isOver = (uid: string) => !facts.pods.has(uid) || quarantined.some(({ pod }) => pod.uid === uid);
  const uids = memory.begun.filter(({ uid }) => isOver(uid)).map(({ uid }) => uid);
  if (uids.length > 0) moves.want({ kind: 'own', id: 'forget', do: 'forget', uids });
  for (const order of orders) {
    const isBegun = memory.begun.some(({ uid }) => uid === order.uid);
    const isDone =
      order.kind === 'resume' ||
      !facts.pods.has(order.uid) ||
      (order.kind === 'lift' ? !isBegun && !isOver(order.uid) : isOver(order.uid)) ||
      (isStale(order, inputs, now) && !isBegun);
    if (isDone) moves.want({ kind: 'own', id: `order/${order.kind}/${order.uid}`, do: 'order', order });
  }
}

function heard(state: State, action: Action, done: Done, now: number): State {
  const running = new Set(state.running);
  running.delete(action.id);
  const waits = new Map(state.waits);
  if (done.ok) waits.delete(action.id);
  else {
    const pause = done.retryAfterMs ?? pauseMs[done.fault.code] ?? pauseMsElse;
    const { code, message } = done.fault;
    waits.set(action.id, { sinceMs: now, untilMs: now + pause, code, message: `${code}: ${message}` });
  }
  for (const [id, { untilMs }] of waits) if (untilMs < now - pauseMsElse) waits.delete(id);
  const granted = new Map([...state.granted].filter(([, untilMs]) => untilMs > now));
  if (done.ok && action.kind === 'evictPod' && action.dryRun) granted.set(action.pod.uid, now + grantedMs);
  const judged = new Map(state.judged);
  if (action.kind === 'own' && action.do === 'judge' && done.ok) judged.set(action.pod.uid, now);
  const evicted = new Map([...state.evicted].filter(([, untilMs]) => untilMs > now));
  if (done.ok && action.kind === 'evictPod' && !action.dryRun) evicted.set(action.pod.uid, now + evictedUnseenMsMax);
  return { ...state, running, waits, granted, judged, evicted };
}
