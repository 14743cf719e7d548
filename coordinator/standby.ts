import { Registry } from 'prom-client';
import { ok, type Result, refuse } from '../base/fault.ts';
import type { Log } from '../base/log.ts';
import { servePages } from '../base/serving/http-server.ts';
import type { CoordinatorConfig } from './config/config.ts';
import type { Ground } from './ground.ts';
import type { Following } from './ledger/journal/postgres/lease.ts';
import type { MutableState } from './ledger/state/mutable-state.ts';
import { healthPages } from './observability/health-pages.ts';
import { leadingMetrics } from './observability/leading-metrics.ts';

/**
 * Stands by until the coordinator that leads gives no sign of life, or lets go; resolves with the state as of the last entry
 * that it has read. Meanwhile the health pages are served: alive, not ready, and how far this standby has read. They are closed
 * when this resolves, for the coordinator to open its own.
 */
export async function standBy(
  { listen, federation }: CoordinatorConfig,
  { follow }: Ground,
  log: Log,
  signal: AbortSignal,
): Promise<Result<MutableState>> {
  if (follow === undefined) {
    return refuse('STANDBY_ALONE', 'a standby needs journal.postgres: a data directory has one coordinator');
  }
  let known: Following | undefined;
  const unready = async () => {
    const read =
      known === undefined ? 'nothing read yet' : `epoch ${known.epoch} leads, entry ${known.head.seq} is read`;
    return `standby: ${read}`;
  };
  const registry = new Registry();
  leadingMetrics(registry, () => ({ isLeader: false, epoch: known?.epoch ?? 0, entry: known?.head.seq ?? 0 }));
  const health = await servePages(listen.health, healthPages(registry, unready));
  log.info({ federation, healthPort: health.port }, 'standing by');
  try {
    const free = await follow(signal, (following) => {
      known = following;
    });
    if (!free.ok) return free;
    log.warn({ federation, entry: free.value.seq }, 'no sign of life from the coordinator that leads: taking over');
    return ok(free.value);
  } finally {
    await health.close();
  }
}
