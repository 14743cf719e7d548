import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Result, refuse, unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import type { ClusterId } from '../../proto/ids.ts';
import { Vault } from '../keys/vault.ts';
import type { StoredEntry } from '../ledger/journal/entry.ts';
import { GroupCommitJournal } from '../ledger/journal/group-commit-journal.ts';
import type { JournalFaultCode } from '../ledger/journal/journal.ts';
import type { JournalStore } from '../ledger/journal/journal-store.ts';
import { MemoryMedium, openMemoryStore } from '../ledger/journal/memory-store.ts';
import { type Invitation, sealDelta } from '../testing/sealed-delta.ts';
import { deltaOf, submit, takePart } from '../testing/small-client.ts';
import { clusters, openSmallFederation, operator, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { roundEnd } from '../testing/wait.ts';

const [a] = clusters as [ClusterId];

/** What the commit of an acceptance may do, other than succeed and say so. */
type Mishap = Readonly<{ isWritten: boolean; fault: JournalFaultCode }>;

/** A journal whose next commit, once armed, meets with a mishap; `medium` outlives the coordinator, as a disk does. */
function openFragile(medium: MemoryMedium) {
  const opened = openMemoryStore(medium);
  let armed: Mishap | undefined;
  const commit = async (previous: string, rows: readonly StoredEntry[]): Promise<Result<void, JournalFaultCode>> => {
    const mishap = armed;
    if (mishap === undefined) return opened.store.commit(previous, rows);
    if (mishap.isWritten) unwrap(await opened.store.commit(previous, rows));
    return refuse(mishap.fault, 'a test said so');
  };
  const store = new Proxy(opened.store, {
    get: (target, name) => {
      if (name === 'commit') return commit;
      const own = target[name as keyof JournalStore] as (() => void) | undefined; // Some stores watch for nothing.
      return own?.bind(target);
    },
  });
  return {
    journal: new GroupCommitJournal({ ...opened, store }, systemTimers),
    arm: (mishap: Mishap) => (armed = mishap),
  };
}

async function openOn(dataDir: string, medium: MemoryMedium) {
  const keyStore = unwrap(await Vault.open(join(dataDir, 'keys'), 'a master key for tests alone'));
  const { journal, arm } = openFragile(medium);
  const engine = await openSmallFederation(dataDir, { journal, keyStore });
  onTestFinished(() => engine.close());
  return { engine, arm };
}

/** A round in which a has sealed its update and nobody has sent any. */
async function collecting() {
  const [dataDir, medium] = [tempDir(), new MemoryMedium()];
  const { engine, arm } = await openOn(dataDir, medium);
  const { promise, resolve } = Promise.withResolvers<Invitation>();
  for (const cluster of clusters) {
    engine.join(cluster, [track], (directive) => {
      if (directive.kind === 'invitation' && cluster === a) resolve(directive);
    });
  }
  unwrap(await engine.openRound(operator, { track, reason: 'test' }));
  const invitation = await promise;
  const update = await sealDelta(invitation, a, deltaOf(a, 'r-1'));
  return { dataDir, medium, engine, arm, invitation, update };
}

describe('an acceptance whose commit fails', () => {
  it.each<Mishap>([
    { isWritten: true, fault: 'JOURNAL_IO' },
    { isWritten: false, fault: 'JOURNAL_IO' },
    { isWritten: true, fault: 'EPOCH_STALE' },
    { isWritten: false, fault: 'DISK_FULL' },
  ])('keeps the bytes, and the round counts them after a restart: %o', async (mishap) => {
    const { dataDir, medium, engine, arm, update } = await collecting();
    arm(mishap);
    expect(await submit(engine, update)).toMatchObject({ ok: false, fault: { code: mishap.fault } });
    await engine.close();
    const again = await openOn(dataDir, medium);
    // The client has no receipt, and asks for one: with the journalled acceptance it gets it without sending anything.
    const checked = unwrap(again.engine.checkUpdate(update.header));
    expect(checked.kind).toBe(mishap.isWritten ? 'alreadyAccepted' : 'upload');
    unwrap(await submit(again.engine, update));
    for (const cluster of clusters.slice(1)) takePart(again.engine, cluster, () => {});
    const { phase } = await roundEnd(again.engine, 'r-1');
    expect(phase.kind).toBe('candidate');
    expect(phase.kind === 'candidate' && phase.accepted.map(({ cluster }) => cluster).sort()).toEqual([...clusters]);
  });

  it('of a coordinator that another has followed takes nothing away from the one that took over', async () => {
    const { dataDir, medium, engine: stale, update } = await collecting();
    rmSync(join(dataDir, 'lock')); // As on a mount that has no locks.
    const { engine } = await openOn(dataDir, medium);
    unwrap(await submit(engine, update));
    expect(await submit(stale, update)).toMatchObject({ ok: false, fault: { code: 'EPOCH_STALE' } });
    for (const cluster of clusters.slice(1)) takePart(engine, cluster, () => {});
    expect((await roundEnd(engine, 'r-1')).phase.kind).toBe('candidate');
  });

  it('drops the bytes of what a decision refused', async () => {
    const { engine, invitation, update } = await collecting();
    unwrap(await submit(engine, update));
    const other = await sealDelta(invitation, a, deltaOf(a, 'r-2'));
    unwrap(await engine.blobs.put(other.payload));
    const refused = await engine.acceptUpdate(other.header, Buffer.alloc(64));
    expect(refused).toMatchObject({ ok: false, fault: { code: 'UPDATE_CONFLICT' } });
    expect(await engine.blobs.has(other.header.payload)).toBe(false);
    expect(await engine.blobs.has(update.header.payload)).toBe(true);
  });
});
