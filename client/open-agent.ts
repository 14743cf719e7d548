import { join } from 'node:path';
import type { Log } from '../base/log.ts';
import type { Timers } from '../base/time.ts';
import type { ClientConfig } from './config.ts';
import type { ReleasesRelay } from './hub/releases/releases-relay.ts';
import type { LiveTracks } from './live-tracks.ts';
import type { ClientMetrics } from './observability/metrics.ts';
import { type AgentEvent, defaultAgentTimes } from './releases/agent-ports.ts';
import { connectOverGrpc } from './releases/grpc/connect.ts';
import { ReleaseAgent } from './releases/release-agent.ts';
import { agentReporter } from './releases/release-reporter.ts';

export type OpenAgentParts = Readonly<{
  config: ClientConfig;
  /** Root metadata that came by hand. */
  trustAnchor: Uint8Array | undefined;
  live: LiveTracks;
  metrics: ClientMetrics;
  log: Log;
  timers: Timers;
  /** Listens to what the coordinator signs, for the sensors of this client's hub. */
  relay?: ReleasesRelay | undefined;
  onEvent?: ((event: AgentEvent) => void) | undefined;
}>;

/** A client's agent: it decides what its tracks score with, from the first moment and without a coordinator too. */
export async function openAgent({
  config,
  trustAnchor,
  live,
  metrics,
  log,
  timers,
  relay,
  onEvent,
}: OpenAgentParts): Promise<ReleaseAgent> {
  const { agent: settings, coordinator, dataDirectory } = config;
  const report = agentReporter(log, metrics);
  const agent = await ReleaseAgent.open(
    {
      folder: join(dataDirectory, 'agent'),
      addresses: coordinator.addresses,
      connect: relay === undefined ? connectOverGrpc : relay.listening(connectOverGrpc),
      hosts: await live.hosts(),
      keepReleases: settings.keepReleases,
      trustAnchor,
      labels: settings.labels,
      times: {
        ...defaultAgentTimes,
        reconnect: {
          firstMs: Math.min(1_000, coordinator.reconnectSecondsMax * 1_000),
          maxMs: coordinator.reconnectSecondsMax * 1_000,
        },
        shadowReportMs: settings.shadowReportSeconds * 1_000,
      },
    },
    {
      report: (event) => {
        report(event);
        if (event.kind === 'unserved' && !event.trusted) live.unserved();
        if (event.kind === 'anchored') live.superseded();
        onEvent?.(event);
      },
      unit: Math.random,
      timers,
    },
  );
  if (agent.isAnchored) live.superseded();
  await agent.restore();
  return agent;
}
