import { faultFields, type Log } from '../../base/log.ts';
import type { ClientMetrics } from '../observability/metrics.ts';
import type { AgentEvent } from './agent-ports.ts';

/** Turns what happens in the release agent into log lines and metrics. */
export function agentReporter(log: Log, metrics: ClientMetrics): (event: AgentEvent) => void {
  return (event) => {
    const { kind, ...fields } = event;
    switch (event.kind) {
      case 'subscribed':
        metrics.agentConnected.set(1);
        log.info(fields, 'follows signed releases');
        return;
      case 'unsubscribed':
        metrics.agentConnected.set(0);
        log.warn(
          { ...faultFields(event.fault), address: event.address, retryInMs: event.retryInMs },
          'release metadata stopped coming; the last good models go on',
        );
        return;
      case 'unserved':
        if (event.trusted) log.error(fields, 'the coordinator denies signed releases that it has served before');
        else log.warn(fields, 'the coordinator serves no signed releases: bases of rounds score');
        return;
      case 'anchored':
        log.info(fields, 'trusts the root of signed releases');
        return;
      case 'checked':
        metrics.agentMetadataExpiry.set(event.expiresAtMs / 1_000);
        return;
      case 'fetched':
      case 'loaded':
        metrics.agentPrepareSeconds.observe({ phase: event.kind }, event.milliseconds / 1_000);
        log.info(fields, event.kind === 'fetched' ? 'release fetched and verified' : 'release loaded and warmed');
        return;
      case 'persisted':
        return;
      case 'stoodIn':
        log.error(fields, 'agent/state.json had gone or was damaged; its copy goes on, with every floor');
        return;
      case 'restored':
        metrics.agentLiveVersion.set({ track: event.track }, event.version);
        log.info(fields, 'the release of the last run scores');
        return;
      case 'installed':
        metrics.agentInstalls.inc({ track: event.track });
        metrics.agentLiveVersion.set({ track: event.track }, event.version);
        metrics.agentPinned.set({ track: event.track }, event.because.kind === 'pin' ? 1 : 0);
        log.info(fields, 'release installed');
        return;
      case 'shadowing':
        metrics.agentShadowVersion.set({ track: event.track }, event.version);
        log.info(fields, 'release runs in shadow');
        return;
      case 'shadowEnded':
        metrics.agentShadowVersion.set({ track: event.track }, -1);
        log.info(fields, 'shadow run ended');
        return;
      case 'refused':
        metrics.agentRefusals.inc({ code: event.fault.code });
        log.error(
          { ...faultFields(event.fault), track: event.track, version: event.version },
          'release refused; the last good model goes on',
        );
        return;
      case 'overruled':
        metrics.agentOverruledPins.inc({ track: event.track });
        log.error(fields, 'a pin cannot be followed');
        return;
      case 'acknowledged':
        metrics.agentReports.inc({ kind: 'install' });
        log.info({ ...event.report, sequence: event.sequence }, 'install report journalled');
        return;
      case 'shadowReported':
        metrics.agentReports.inc({ kind: 'shadow' });
        log.info({ track: event.report.track, version: event.report.version }, 'shadow report journalled');
        return;
      case 'reportRefused':
        log.warn(faultFields(event.fault), 'a report was refused and is dropped');
        return;
    }
  };
}
