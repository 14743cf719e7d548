import { sealedLength } from '../../proto/envelope/format.ts';
import type { Digest } from '../../proto/ids.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { writeSnapshot } from '../ledger/state/snapshot.ts';
import { openRoundOf, type State } from '../ledger/state/state.ts';

/** Every digest that the state holds, hexadecimal, wherever it stands: a kind of blob that is added later is safe by itself. */
export async function digestsNamedIn(state: State): Promise<ReadonlySet<string>> {
  return new Set((await writeSnapshot(state)).match(/[0-9a-f]{64}/g));
}

/**
 * Removes blobs that nothing names, from a store that removes at once: candidates of rounds that were abandoned while they were aggregated, and what was
 * stored just before a crash. For the start, when nothing of this process is on its way into the journal. What others
 * may have on its way stays: everything while a round aggregates (a worker may have its candidate written already), and
 * payloads as long as those of a round that collects (their clients go on where they were). Returns how many went.
 */
export async function sweepOrphans(state: State, blobs: BlobStore): Promise<number> {
  const open = [...state.tracks.values()].map((track) => ({ track, phase: openRoundOf(track)?.phase.kind }));
  if (open.some(({ phase }) => phase === 'aggregating')) return 0;
  const collected = open
    .filter(({ phase }) => phase === 'collecting')
    .map(({ track }) => sealedLength(track.modelBytes));
  const named = await digestsNamedIn(state);
  let removed = 0;
  for await (const digest of blobs.list()) {
    if (named.has(digest.slice('sha256:'.length))) continue;
    if (collected.length > 0) {
      const size = await blobs.size(digest);
      if (!size.ok || collected.includes(size.value)) continue;
    }
    await blobs.remove(digest);
    removed += 1;
  }
  return removed;
}

/**
 * The same of a store that removes late, while everything is served: what is on its way into the journal looks like an orphan, and is
 * named by the time that it would go, or young. A bucket of 100,000 blobs takes its time to list. Returns what is there.
 */
export async function askForOrphans(
  state: State,
  blobs: Pick<BlobStore, 'list' | 'removeUnnamed'>,
  signal: AbortSignal,
): Promise<ReadonlySet<Digest>> {
  const named = await digestsNamedIn(state);
  const listed = new Set<Digest>();
  for await (const digest of blobs.list()) {
    if (signal.aborted) return listed;
    listed.add(digest);
    if (!named.has(digest.slice('sha256:'.length))) blobs.removeUnnamed?.(digest);
  }
  return listed;
}
