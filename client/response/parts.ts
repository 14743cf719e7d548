import type { Log } from '../../base/log.ts';
import type { Pages } from '../../base/serving/http-server.ts';
import type { Timers } from '../../base/time.ts';
import type { AgentConfig } from './agent-config.ts';
import type { AgentMetrics } from './agent-metrics.ts';
import type { LeaseElection } from './cluster/lease.ts';
import type { Part } from './part.ts';

export type PartsPorts = Readonly<{
  config: AgentConfig;
  timers: Timers;
  log: Log;
  metrics: AgentMetrics;
  election: LeaseElection;
}>;

/** Everything that the agent does, and what it serves about it. */
// biome-ignore lint/suspicious/noExplicitAny: each part's state is its own.
export function openParts(_ports: PartsPorts): Readonly<{ parts: readonly Part<any, any>[]; pages: Pages }> {
  return { parts: [], pages: {} };
}
