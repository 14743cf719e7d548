import type { EpochMs } from '../../../base/time.ts';
import type { LastingCode } from '../../posture/exposure.ts';
import type { RiskStep } from '../cluster/facts.ts';
import { dueAtMs, type Weights } from './due.ts';
import { commitmentTo, epochOf, type Law, lifetimeAt, unitOf } from './lifetimes.ts';
import type { Reason } from './reasons.ts';
import { decodeEntry, digestOfLine, type Entry } from './record.ts';
import { silentMsMax } from './recorder.ts';

export type Finding = Readonly<{
  /**
   * early: begun before it was due. late: due, and nothing was said of it for too long. spared: due, and nothing was ever said.
   * broken: a line that does not follow from the one before, or that nobody signed. uncommitted: a key that is not what was
   * promised, or was not promised before it was used. gap: the log was silent. exposure: what is said to make a pod due sooner is
   * not what its spec says.
   */
  kind: 'early' | 'late' | 'spared' | 'broken' | 'uncommitted' | 'gap' | 'exposure';
  /** The line, from 1. */
  line: number;
  pod?: string;
  text: string;
}>;

export type Verified = Readonly<{
  findings: readonly Finding[];
  lines: number;
  pods: number;
  /** Of these, pods whose key is revealed: only they are proven. */
  proven: number;
  /** How long due pods waited, by reason, milliseconds. */
  waitedMs: ReadonlyMap<Reason, number>;
}>;

/** Clocks of pods are whole seconds. */
const earlyMs = 1_000;
/** Between the moment at which a pod is due and the look that finds it. */
const lookMs = 60_000;

type Pod = {
  name: string;
  createdAtMs: EpochMs;
  seenAtMs: EpochMs;
  line: number;
  risks: RiskStep[];
  /** undefined where nobody has said yet what it is exposed by. */
  exposedBy: readonly LastingCode[] | undefined;
  /** What was first said of it once it was due, and of what it was said. */
  first: Readonly<{ atMs: EpochMs; line: number; is: 'begins' | 'waits' | 'gone' }> | null;
  begun: Readonly<{ atMs: EpochMs; line: number }> | null;
  waits: Readonly<{ reason: Reason; sinceMs: EpochMs }> | null;
  goneAtMs: EpochMs | null;
};

/** A leader's time: until the last line before the next one begins. */
type Opened = Readonly<{ law: Law; epochMs: number; weights: Weights; atMs: EpochMs; line: number }> & {
  endMs: EpochMs;
};

/**
 * Proves from the log alone that every pod of a revealed epoch was rotated when its draw said so: not before, and not later
 * than the named reasons explain. `head`: "<sequence> <digest>" that somebody else has kept, such as the lease. `exposures`: by
 * uid, what the specs of pods that somebody else has say; the log is held to them.
 */
export function verifyLog(
  lines: Iterable<string>,
  publicKey: Uint8Array,
  head?: string,
  exposures: ReadonlyMap<string, readonly LastingCode[]> = new Map(),
): Verified {
  const findings: Finding[] = [];
  const pods = new Map<string, Pod>();
  const commitments = new Map<number, Readonly<{ commitment: string; atMs: EpochMs }>>();
  const keys = new Map<number, Buffer>();
  const waitedMs = new Map<Reason, number>();
  const openings: Opened[] = [];
  let previous: string | null = null;
  let lastMs = 0;
  let headSeen = head === undefined;
  const find = (kind: Finding['kind'], line: number, text: string, pod?: string) =>
    findings.push({ kind, line, text, ...(pod === undefined ? {} : { pod }) });
  const endWait = (pod: Pod, atMs: EpochMs) => {
    if (pod.waits === null) return;
    waitedMs.set(pod.waits.reason, (waitedMs.get(pod.waits.reason) ?? 0) + atMs - pod.waits.sinceMs);
    pod.waits = null;
  };
  const take = ({ atMs, said }: Entry, line: number) => {
    if (said.kind === 'opened') {
      const { law, epochMs, riskWeight, postureWeight = 0 } = said;
      openings.push({ law, epochMs, weights: { riskWeight, postureWeight }, atMs, line, endMs: atMs });
      return;
    }
    if (said.kind === 'epoch') {
      const known = commitments.get(said.epoch);
      if (known === undefined) commitments.set(said.epoch, { commitment: said.commitment, atMs });
      else if (known.commitment !== said.commitment)
        find('uncommitted', line, `epoch ${said.epoch} is promised another key`);
      return;
    }
    if (said.kind === 'reveal') {
      const key = Buffer.from(said.key, 'hex');
      if (commitments.get(said.epoch)?.commitment !== commitmentTo(key)) {
        find('uncommitted', line, `the key of epoch ${said.epoch} is not the one that was promised`);
      } else keys.set(said.epoch, key);
      return;
    }
    if (said.kind === 'alive') return;
    if (said.kind === 'seen') {
      const { createdAtMs, namespace, name, exposedBy } = said;
      const known = pods.get(said.uid);
      if (known !== undefined) {
        // Again, after a restart; what it is exposed by never changes, so the first word counts.
        known.exposedBy ??= exposedBy;
        return;
      }
      pods.set(said.uid, {
        ...{
          name: `${namespace}/${name}`,
          createdAtMs,
          seenAtMs: atMs,
          line,
          risks: [],
          exposedBy,
          first: null,
          begun: null,
        },
        ...{ waits: null, goneAtMs: null },
      });
      return;
    }
    const pod = pods.get(said.uid);
    if (pod === undefined) {
      find('broken', line, `speaks of a pod that was never seen: ${said.uid}`);
      return;
    }
    if (said.kind === 'risk') {
      // A restart tells all of them again.
      if (!pod.risks.some((step) => step.atMs === said.atMs && step.risk === said.risk))
        pod.risks.push({ atMs: said.atMs, risk: said.risk });
      return;
    }
    pod.first ??= { atMs, line, is: said.kind };
    endWait(pod, atMs);
    if (said.kind === 'waits') pod.waits = { reason: said.reason, sinceMs: atMs };
    if (said.kind === 'begins') pod.begun ??= { atMs, line };
    if (said.kind === 'gone') pod.goneAtMs = atMs;
  };
  let count = 0;
  for (const line of lines) {
    const at = count++;
    const entry = decodeEntry(line, publicKey);
    if (!entry.ok) find('broken', at + 1, entry.fault.message);
    else {
      const { sequence, previous: before, atMs, said } = entry.value;
      if (sequence !== at + 1 || before !== previous)
        find('broken', at + 1, 'does not follow from the line before: something was left out or put in');
      if (lastMs > 0 && atMs - lastMs > silentMsMax + lookMs && said.kind !== 'opened')
        find('gap', at + 1, `silent for ${Math.round((atMs - lastMs) / 1_000)} s`);
      lastMs = Math.max(lastMs, atMs);
      take(entry.value, at + 1);
      const leader = openings.at(-1);
      if (leader !== undefined) leader.endMs = lastMs;
    }
    previous = digestOfLine(line);
    headSeen ||= head === `${at + 1} ${previous}`;
  }
  if (!headSeen)
    find('broken', count, 'the log does not reach what was seen of it elsewhere: its end was cut off or written anew');
  let proven = 0;
  for (const [uid, pod] of pods) {
    endWait(pod, lastMs);
    const told = exposures.get(uid);
    if (told !== undefined && pod.exposedBy !== undefined && told.join() !== pod.exposedBy.join()) {
      const text = `said to be exposed by ${pod.exposedBy.join() || 'nothing'}; its spec says ${told.join() || 'nothing'}`;
      find('exposure', pod.line, text, pod.name);
    }
    if (judge(uid, pod, { openings, keys }, find)) proven += 1;
  }
  return { findings, lines: count, pods: pods.size, proven, waitedMs };
}

/** False where the key of its epoch is not revealed, or nothing says by which law it was drawn. */
function judge(
  uid: string,
  pod: Pod,
  { openings, keys }: Readonly<{ openings: readonly Opened[]; keys: ReadonlyMap<number, Buffer> }>,
  find: (kind: Finding['kind'], line: number, text: string, pod?: string) => void,
): boolean {
  const { begun, first, createdAtMs, seenAtMs, name } = pod;
  const steps = [...pod.risks].sort((a, b) => a.atMs - b.atMs);
  const of = { steps, exposedBy: pod.exposedBy ?? [] };
  const at = (ms: EpochMs) => new Date(ms).toISOString();
  let isProven = false;
  for (const { law, epochMs, weights, atMs, endMs, line } of openings) {
    const key = keys.get(epochOf(createdAtMs, epochMs));
    if (key === undefined || endMs < seenAtMs) continue;
    isProven = true;
    const dueMs = dueAtMs(createdAtMs, lifetimeAt(unitOf(key, uid), law), of, weights);
    if (begun !== null && begun.line > line && begun.atMs <= endMs && begun.atMs < dueMs - earlyMs) {
      find('early', begun.line, `begun at ${at(begun.atMs)}, due at ${at(dueMs)}`, name);
      return true;
    }
    // Nobody looked before it was seen, or before this leader was there.
    const expectedMs = Math.max(dueMs, seenAtMs, atMs) + lookMs;
    if (expectedMs >= endMs || (first !== null && first.atMs <= expectedMs)) continue;
    const isSpared = first === null || first.is === 'gone';
    const until = first === null ? 'ever' : `until ${at(first.atMs)}`;
    find(
      isSpared ? 'spared' : 'late',
      first?.line ?? pod.line,
      `due at ${at(dueMs)}, nothing was said of it ${until}`,
      name,
    );
    return true;
  }
  return isProven;
}
