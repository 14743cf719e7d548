import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ok, unwrap } from '../../base/fault.ts';
import type { ClusterId, TrackId } from '../../proto/ids.ts';
import type { JournalEntry } from '../ledger/journal/entry.ts';
import type { JournalEvent } from '../ledger/journal/events.ts';
import { type AuditQuery, searchAudit } from './audit-search.ts';

const revoked = (cluster: string): JournalEvent => ({
  kind: 'clusterRevoked',
  cluster: cluster as ClusterId,
  reason: 'x',
});
const head = (track: string): JournalEvent => ({ kind: 'headMoved', track: track as TrackId, version: 1, reason: 'x' });

function journal(count: number): readonly JournalEntry[] {
  return Array.from({ length: count }, (_, at) => ({
    seq: at + 1,
    epoch: 1,
    chain: '',
    atMs: 1_000 * (at + 1),
    actor: { kind: 'operator', name: at % 2 === 0 ? 'ada' : 'bob', role: 'admin' } as const,
    event: at % 3 === 0 ? revoked(`c-${at % 7}`) : head('syscall'),
  }));
}

const everything: Omit<AuditQuery, 'before'> = { size: 500, kinds: [], who: '', about: '', sinceMs: 0 };

/** Every page of a search. */
async function searched(
  entries: readonly JournalEntry[],
  query: Omit<AuditQuery, 'before'>,
): Promise<readonly number[]> {
  const found: number[] = [];
  for (let before = entries.length + 1; before > 0; ) {
    const read = async (from: number, limit: number) => ok(entries.slice(from - 1, from - 1 + limit));
    const page = unwrap(await searchAudit(read, { ...query, before }));
    found.push(...page.entries.map(({ sequence }) => sequence));
    before = page.before;
  }
  return found;
}

describe('searchAudit', () => {
  it('finds, page by page, what a look at every entry finds, newest first', async () => {
    const entries = journal(1_300);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('', 'ada', 'bob', 'eve', 'admin'),
        fc.constantFrom('', 'c-3', 'c-30', 'syscall'),
        fc.constantFrom([], ['clusterRevoked'], ['headMoved', 'clusterRevoked']),
        fc.integer({ min: 0, max: 1_400_000 }),
        fc.integer({ min: 1, max: 500 }),
        async (who, about, kinds, sinceMs, size) => {
          const wanted = entries.filter(({ actor, event, atMs }) => {
            const names = actor.kind === 'operator' ? ['operator', actor.name, actor.role] : [];
            const texts = Object.values(event);
            return (
              atMs >= sinceMs &&
              (who === '' || names.includes(who)) &&
              (about === '' || texts.includes(about)) &&
              (kinds.length === 0 || (kinds as readonly string[]).includes(event.kind))
            );
          });
          const found = await searched(entries, { ...everything, who, about, kinds, sinceMs, size });
          expect(found).toEqual(wanted.map(({ seq }) => seq).reverse());
        },
      ),
      { numRuns: 40 },
    );
  });

  it('reads no more of a long journal than it may, and says where to go on', async () => {
    const entries = journal(45_000);
    let rows = 0;
    const read = async (from: number, limit: number) => {
      rows += limit;
      return ok(entries.slice(from - 1, from - 1 + limit));
    };
    const query = { ...everything, about: 'nowhere', before: 45_001 };
    expect(unwrap(await searchAudit(read, query))).toEqual({ entries: [], before: 25_001 });
    expect(rows).toBe(20_000);
  });
});
