import { faultFields, type Log } from '../../base/log.ts';
import { clockSentence } from '../../base/text/clock-sentence.ts';
import type { ClientMetrics } from '../observability/metrics.ts';
import type { UplinkReport } from './ports.ts';

/** Turns what happens on the uplink into log lines and metrics. */
export function reporter(log: Log, metrics: ClientMetrics): (report: UplinkReport) => void {
  return (report) => {
    const { kind, ...fields } = report;
    switch (report.kind) {
      case 'connected':
        metrics.connected.set(1);
        log.info(fields, 'connected to a coordinator');
        return;
      case 'disconnected':
        metrics.connected.set(0);
        metrics.disconnects.inc({ code: report.fault.code });
        log.warn(
          { ...faultFields(report.fault), address: report.address, retryInMs: report.retryInMs },
          'disconnected',
        );
        return;
      case 'invited':
        metrics.invitations.inc({ track: report.track });
        log.info(fields, 'invited to a round');
        return;
      case 'directiveRefused':
        log.warn(faultFields(report.fault), 'a directive makes no sense and is not followed');
        return;
      case 'fetched':
        log.info({ track: report.track, round: report.round, digest: report.digest }, 'base model fetched');
        return;
      case 'trained':
        log.info(fields, 'trained');
        return;
      case 'kept':
        log.info(fields, 'update sealed and kept');
        return;
      case 'sent':
        metrics.sentBytes.inc({ track: report.track }, report.bytes);
        return;
      case 'receipted':
        metrics.receipts.inc({ track: report.track });
        log.info(fields, 'receipt verified');
        return;
      case 'refused':
        metrics.refusals.inc({ track: report.track, verdict: report.verdict, code: report.fault.code });
        log.warn(
          { ...faultFields(report.fault), track: report.track, round: report.round, verdict: report.verdict },
          'round attempt failed',
        );
        return;
      case 'roundClosed':
        log.info(fields, 'round closed');
        return;
      case 'certificateEnded':
        log.error(faultFields(report.fault), 'certificate ended');
        return;
      case 'comingBackFailed':
        log.warn({ ...faultFields(report.fault), retryInMs: report.retryInMs }, 'not let back in');
        return;
      case 'identityUnsaved':
        log.error(faultFields(report.fault), 'identity not saved');
        return;
      case 'cameBack':
        metrics.certificateExpiry.set(report.expiresAtMs / 1_000);
        log.info(fields, 'back in the federation');
        return;
      case 'clockDiffers':
        metrics.clockAhead.set(report.aheadMs / 1_000);
        if (report.matters) log.warn({ aheadMs: report.aheadMs }, clockSentence(report.aheadMs));
        else log.info({ aheadMs: report.aheadMs }, "this machine's clock and the coordinator's agree again");
        return;
      case 'renewed':
        metrics.certificateExpiry.set(report.expiresAtMs / 1_000);
        log.info(fields, 'certificate renewed');
        return;
      case 'renewalFailed':
        log.warn({ ...faultFields(report.fault), expiresAtMs: report.expiresAtMs }, 'certificate renewal failed');
        return;
    }
  };
}
