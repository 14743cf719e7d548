import { ok, type Result } from '../../../../base/fault.ts';
import { pause } from '../../../../base/pause.ts';
import { ensureLayout } from '../../../postgres/layout.ts';
import type { PostgresLink } from '../../../postgres/link.ts';
import { held, type PostgresJournalFaultCode, readFence } from './open-postgres.ts';

const lookEveryMs = 250;
const never = new AbortController().signal;

/**
 * Resolves once nobody holds the journal: at once where the last writer let go, else when its beat has stood still for the
 * lease that it wrote there, by this process's own clock alone. Refused where it still beats. What is safe does not rest on
 * this: it keeps a second start from ending the first.
 */
export async function awaitLease(link: PostgresLink): Promise<Result<void, PostgresJournalFaultCode>> {
  const layout = await ensureLayout(link);
  if (!layout.ok) return layout;
  const first = await readFence(link);
  if (!first.ok) return first;
  const { epoch, beat, leaseMs } = first.value;
  const { timers } = link;
  const sinceMs = timers.monotonicMs();
  let seen = first.value;
  while (seen.holder !== '' && timers.monotonicMs() - sinceMs < leaseMs) {
    await pause(timers, lookEveryMs, never);
    const next = await readFence(link);
    if (!next.ok) return next;
    seen = next.value;
    if (seen.holder !== '' && (seen.epoch !== epoch || seen.beat !== beat)) return held(`epoch ${seen.epoch} holds it`);
  }
  return ok(undefined);
}
