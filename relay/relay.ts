import { ok, type Result } from '../base/fault.ts';
import { type Log, makeLog } from '../base/log.ts';
import { systemTimers } from '../base/system-timers.ts';
import type { CoordinatorConfig } from '../coordinator/config/config.ts';
import { type Coordinator, type CoordinatorOptions, startCoordinator } from '../coordinator/coordinator.ts';
import type { RelayConfig } from './config.ts';
import { Parent, type ParentParts } from './parent.ts';

export type RelayOptions = Omit<CoordinatorOptions, 'standby'> &
  Pick<ParentParts, 'reached' | 'onReport' | 'onAgentEvent'>;

/** A region: a coordinator for its clusters, and one member of its parent. */
export type Relay = Readonly<{
  coordinator: Coordinator;
  parent: Parent;
  /** Lets go of the parent, then of the clusters. May be called twice. */
  close(): Promise<void>;
}>;

/** Starts the region's coordinator, then its side to the parent. Nothing is left open where it is refused. */
export async function startRelay(
  config: RelayConfig,
  coordinatorConfig: CoordinatorConfig,
  { log, timers = systemTimers, ...rest }: RelayOptions = {},
): Promise<Result<Relay>> {
  const told: Log = log ?? makeLog(coordinatorConfig.log.level);
  const started = await startCoordinator(coordinatorConfig, { ...rest, log: told, timers });
  if (!started.ok) return started;
  const coordinator = started.value;
  const { engine: region, registry } = coordinator;
  const { onReport, onAgentEvent, reached } = rest;
  const parts = { config, region, registry, log: told, timers, onReport, onAgentEvent, ...(reached && { reached }) };
  const opened = await Parent.open(parts).catch(async (error: unknown) => {
    await coordinator.close();
    throw error;
  });
  if (!opened.ok) {
    await coordinator.close();
    return opened;
  }
  const parent = opened.value;
  return ok({
    coordinator,
    parent,
    close: async () => {
      await parent.close();
      await coordinator.close();
    },
  });
}
