import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { ok, type Result, refuse } from '../base/fault.ts';
import type { Log } from '../base/log.ts';
import { servePages } from '../base/serving/http-server.ts';
import { joinFileBlobStore } from './blobs/file-blob-store.ts';
import type { CoordinatorConfig } from './config/config.ts';
import type { Ground } from './ground.ts';
import type { Following } from './ledger/journal/postgres/lease.ts';
import type { MutableState } from './ledger/state/mutable-state.ts';
import type { State } from './ledger/state/state.ts';
import { healthPages } from './observability/health-pages.ts';
import { leadingMetrics } from './observability/leading-metrics.ts';

/**
 * Stands by until the coordinator that leads gives no sign of life, or lets go; resolves with the state as of the last entry
 * that it has read. Meanwhile the health pages are served: alive, not ready, and how far this standby has read. They are closed
 * when this resolves, for the coordinator to open its own. One that could not lead for want of the leader's bytes says so from
 * the first look on, and is refused before it takes anything over: who leads, and was only slow, would be ended for nothing.
 */
export async function standBy(
  { listen, federation, dataDirectory, blobs }: CoordinatorConfig,
  { follow }: Ground,
  log: Log,
  signal: AbortSignal,
): Promise<Result<MutableState>> {
  if (follow === undefined) {
    return refuse('STANDBY_ALONE', 'a standby needs journal.postgres: a data directory has one coordinator');
  }
  const lackIn = (state: State) => (blobs.s3 === null ? lackOfBytes(dataDirectory, state) : undefined);
  let known: Following | undefined;
  let lack: string | undefined;
  const unready = async () => {
    const read =
      known === undefined ? 'nothing read yet' : `epoch ${known.epoch} leads, entry ${known.head.seq} is read`;
    return lack === undefined ? `standby: ${read}` : `standby: ${read}; BLOBS_ELSEWHERE: ${lack}`;
  };
  const registry = new Registry();
  leadingMetrics(registry, () => ({ isLeader: false, epoch: known?.epoch ?? 0, entry: known?.head.seq ?? 0 }));
  const health = await servePages(listen.health, healthPages(registry, unready));
  log.info({ federation, healthPort: health.port }, 'standing by');
  try {
    const free = await follow(signal, (following, state) => {
      known = following;
      const found = lackIn(state);
      if (found !== undefined && found !== lack) log.warn({ code: 'BLOBS_ELSEWHERE', cause: found }, 'trouble');
      lack = found;
    });
    if (!free.ok) return free;
    const lacked = lackIn(free.value);
    if (lacked !== undefined) return refuse('BLOBS_ELSEWHERE', lacked);
    log.warn({ federation, entry: free.value.seq }, 'no sign of life from the coordinator that leads: taking over');
    return ok(free.value);
  } finally {
    await health.close();
  }
}

/** A sentence where a folder holds none of the models that rounds would start from: it is not the one that the leader writes to. */
function lackOfBytes(dataDirectory: string, { tracks }: State): string | undefined {
  const store = joinFileBlobStore(dataDirectory);
  const heads = [...tracks.values()].flatMap(({ models, headVersion }) => models[headVersion] ?? []);
  if (heads.length === 0 || heads.some(({ digest }) => existsSync(store.path(digest)))) return undefined;
  return `${join(dataDirectory, 'blobs')} holds no model that the journal names; mount the leader's folder there, or name a bucket in \`blobs\``;
}
