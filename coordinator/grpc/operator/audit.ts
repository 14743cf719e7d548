import { ok } from '../../../base/fault.ts';
import type {
  AuditEntry,
  FollowRequest,
  FollowResponse,
  ListAuditRequest,
  ListAuditResponse,
} from '../../../proto/generated/testudo/v1/operator.ts';
import { cutShort } from '../../access/access-control.ts';
import { calls } from '../../access/calls.ts';
import type { JournalEntry } from '../../ledger/journal/entry.ts';
import type { Engine } from '../../rounds/engine.ts';
import { auditView } from '../../views/audit.ts';
import { invalid } from '../../views/request.ts';
import type { Door } from '../door.ts';

const rowsDefault = 100;
const rowsMax = 500;
/** Room for one message: entries together stay below the wire's 1.25 MiB. */
const answerBytesMax = 1 << 20;
const sequenceMax = BigInt(Number.MAX_SAFE_INTEGER);

/** The journal as an audit log. */
export function auditHandlers(door: Door<'operator'>, engine: Engine) {
  return {
    listAudit: door.unary<'viewer', ListAuditRequest, ListAuditResponse>(
      calls.operator.listAudit,
      async ({ fromSequence, size }) => {
        if (fromSequence > sequenceMax) return invalid('from_sequence: at most 2^53 - 1');
        if (size > rowsMax) return invalid(`size: at most ${rowsMax}, got ${size}`);
        const read = await engine.audit(Number(fromSequence) || 1, size || rowsDefault);
        if (!read.ok) return read;
        const entries: AuditEntry[] = [];
        let bytes = 0;
        for (const entry of read.value.map(auditEntry)) {
          bytes += entry.eventJson.length + 256;
          if (entries.length > 0 && bytes > answerBytesMax) break;
          entries.push(entry);
        }
        return ok({ entries });
      },
    ),

    follow: door.serverStream<'viewer', FollowRequest, FollowResponse>(
      calls.operator.follow,
      async ({ fromSequence }, send, { signal }) => {
        if (fromSequence > sequenceMax) return invalid('from_sequence: at most 2^53 - 1');
        let wake = () => {};
        // The listener only wakes us: entries are read from the journal in order, at the reader's own pace.
        const unfollow = engine.follow(() => wake());
        signal.addEventListener('abort', () => wake());
        try {
          let next = Number(fromSequence) || engine.state().seq + 1;
          while (!signal.aborted) {
            const news = new Promise<void>((resolve) => {
              wake = resolve;
            });
            const read = await engine.audit(next, rowsDefault);
            if (!read.ok) return read;
            for (const entry of read.value) {
              if (!(await send({ entry: auditEntry(entry) }))) break;
              next = entry.seq + 1;
            }
            if (read.value.length === 0 && !signal.aborted) await news;
          }
          return cutShort(signal);
        } finally {
          unfollow();
        }
      },
    ),
  };
}

function auditEntry(entry: JournalEntry): AuditEntry {
  const { sequence, atMs, ...texts } = auditView(entry);
  return { ...texts, sequence: BigInt(sequence), atMs: BigInt(atMs) };
}
