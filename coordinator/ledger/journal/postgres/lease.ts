import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { pause } from '../../../../base/pause.ts';
import { ensureLayout, mayPass } from '../../../postgres/layout.ts';
import type { PostgresLink } from '../../../postgres/link.ts';
import type { StoredEntry } from '../entry.ts';
import type { JournalHead } from '../journal.ts';
import { noHead } from '../walk.ts';
import { held, rolledBack } from './faults.ts';
import { type FoundFree, moved, type PostgresJournalFaultCode, readFence, walkTo } from './open-postgres.ts';
import { lookEveryMs, Silence } from './silence.ts';

const never = new AbortController().signal;

/**
 * Resolves once nobody holds the journal: at once where the last writer let go, else when its beat has stood still for the
 * lease that it wrote there. Refused where it still beats. What is safe does not rest on this: it keeps a second start from
 * ending the first.
 */
export async function awaitLease(link: PostgresLink): Promise<Result<void, PostgresJournalFaultCode>> {
  const layout = await ensureLayout(link);
  if (!layout.ok) return layout;
  const silence = new Silence(() => link.timers.monotonicMs());
  for (;;) {
    silence.asks();
    const fence = await readFence(link);
    if (!fence.ok) return fence;
    const found = silence.look(fence.value);
    if (found === 'free') return ok(undefined);
    if (found === 'beats') return held(`epoch ${fence.value.epoch} holds it`);
    await pause(link.timers, lookEveryMs, never);
  }
}

/** What a standby knows: for people who ask it. */
export type Following = Readonly<{ epoch: number; head: JournalHead }>;

/** Who hears of what a standby reads. */
export type Follower = Readonly<{
  /** What it knows, at every look. */
  tell: (following: Following) => void;
  /** Takes each line once. Where it cannot, the standby ends. */
  take: (rows: readonly StoredEntry[]) => Result<void, 'JOURNAL_DAMAGED' | 'JOURNAL_NEWER'>;
}>;

/**
 * Stands by: walks the lines as they come, until nobody holds the journal any more. Resolves with the last line that it has
 * checked and handed on, so that taking over costs the tail alone. A head that goes back is JOURNAL_ROLLED_BACK here too. A database that
 * does not answer is waited for; the signal ends that, too, and closes the link.
 */
export async function followUntilFree(
  link: PostgresLink,
  signal: AbortSignal,
  follower: Follower,
): Promise<Result<FoundFree, PostgresJournalFaultCode | 'STANDBY_STOPPED'>> {
  const letGo = () => void link.close();
  signal.addEventListener('abort', letGo, { once: true });
  try {
    return await follow(link, signal, follower);
  } finally {
    signal.removeEventListener('abort', letGo);
  }
}

async function follow(
  link: PostgresLink,
  signal: AbortSignal,
  { tell, take }: Follower,
): Promise<Result<FoundFree, PostgresJournalFaultCode | 'STANDBY_STOPPED'>> {
  const silence = new Silence(() => link.timers.monotonicMs());
  let head = noHead;
  while (!signal.aborted) {
    silence.asks();
    const fence = await readFence(link);
    if (fence.ok) {
      if (fence.value.movedTo !== null) return moved(fence.value.movedTo);
      if (fence.value.head.seq < head.seq) return rolledBack(head, fence.value.head);
      const walked = await walkTo(link, head, fence.value.head, (rows, at) => {
        head = at;
        return take(rows);
      });
      if (walked.ok) {
        tell({ epoch: fence.value.epoch, head });
        if (silence.look(fence.value) === 'free' && !signal.aborted) return ok({ head, epoch: fence.value.epoch });
      } else if (!mayPass(walked.fault)) return walked;
    } else if (mayPass(fence.fault)) silence.isUnanswered();
    else return fence;
    await pause(link.timers, lookEveryMs, signal);
  }
  return refuse('STANDBY_STOPPED', 'this standby was stopped before it took over');
}
