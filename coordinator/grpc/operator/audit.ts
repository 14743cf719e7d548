import { ok } from '../../../base/fault.ts';
import type {
  AuditEntry,
  FollowRequest,
  FollowResponse,
  ListAuditMatchesRequest,
  ListAuditMatchesResponse,
  ListAuditRequest,
  ListAuditResponse,
} from '../../../proto/generated/testudo/v1/operator.ts';
import { cutShort, noLongerRead } from '../../access/access-control.ts';
import { calls } from '../../access/calls.ts';
import type { Engine } from '../../rounds/engine.ts';
import { type AuditView, auditView } from '../../views/audit.ts';
import { checkConditions, searchAudit } from '../../views/audit-search.ts';
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
        return ok({ entries: fitting(read.value.map(auditView)) });
      },
    ),

    listAuditMatches: door.unary<'viewer', ListAuditMatchesRequest, ListAuditMatchesResponse>(
      calls.operator.listAuditMatches,
      async ({ before, size, kinds, who, about, sinceMs }) => {
        if (before > sequenceMax || sinceMs > sequenceMax) return invalid('before and since_ms: at most 2^53 - 1');
        if (size > rowsMax) return invalid(`size: at most ${rowsMax}, got ${size}`);
        const tooLarge = checkConditions({ kinds, who, about });
        if (tooLarge !== undefined) return tooLarge;
        const found = await searchAudit((from, limit) => engine.audit(from, limit), {
          ...{ kinds, who, about },
          before: Number(before) || engine.state().seq + 1,
          size: size || rowsDefault,
          sinceMs: Number(sinceMs),
        });
        if (!found.ok) return found;
        const entries = fitting(found.value.entries);
        const cut = entries.length < found.value.entries.length ? entries.at(-1)?.sequence : undefined;
        return ok({ entries, before: cut ?? BigInt(found.value.before) });
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
              if (!(await send({ entry: auditMessage(auditView(entry)) }))) return noLongerRead(signal);
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

/** As many of them, the first ones, as one message holds. */
function fitting(views: readonly AuditView[]): AuditEntry[] {
  const entries: AuditEntry[] = [];
  let bytes = 0;
  for (const view of views) {
    bytes += view.eventJson.length + 256;
    if (entries.length > 0 && bytes > answerBytesMax) break;
    entries.push(auditMessage(view));
  }
  return entries;
}

function auditMessage({ sequence, atMs, ...texts }: AuditView): AuditEntry {
  return { ...texts, sequence: BigInt(sequence), atMs: BigInt(atMs) };
}
