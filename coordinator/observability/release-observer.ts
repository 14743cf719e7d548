import type { Log } from '../../base/log.ts';
import type { JournalEntry } from '../ledger/journal/entry.ts';
import { nameOf } from '../ledger/state/name-of.ts';
import type { ReleaseMetrics } from './release-metrics.ts';

/** Turns journal entries, as they become durable, into metrics and log lines about releases. */
export class ReleaseObserver {
  readonly #metrics: ReleaseMetrics;
  readonly #log: Log;

  constructor(metrics: ReleaseMetrics, log: Log) {
    this.#metrics = metrics;
    this.#log = log;
  }

  observe({ event, actor, seq: sequence }: JournalEntry): void {
    const by = nameOf(actor);
    switch (event.kind) {
      case 'releasePublished':
      case 'releaseImported': {
        const { track, manifest, manifestDigest } = event;
        this.#metrics.released();
        this.#log.info({ track, version: manifest.version, manifestDigest, by, sequence }, 'release published');
        return;
      }
      case 'releaseRetired':
        this.#log.info({ track: event.track, version: event.version, sequence }, 'release retired');
        return;
      case 'channelMoved': {
        const { track, channel, version, reason } = event;
        this.#metrics.channelMoved(channel);
        this.#log.info({ track, channel, version, reason, by, sequence }, 'channel moved');
        return;
      }
      case 'releaseRevoked': {
        const { track, version, reason } = event;
        this.#metrics.revoked();
        this.#log.warn({ track, version, reason, by, sequence }, 'release revoked');
        return;
      }
      case 'gateDecided': {
        const { track, version, decision, reasons } = event;
        this.#metrics.gateDecided(decision);
        // Anything but a promotion is for someone to look at.
        const level = decision === 'promote' ? 'info' : 'warn';
        this.#log[level]({ track, version, decision, reasons, by, sequence }, 'gate decided');
        return;
      }
      case 'gateOverrideAsked':
        this.#log.warn({ track: event.track, version: event.version, by, sequence }, 'gate override asked for');
        return;
      case 'rootPublished':
        this.#log.warn({ version: event.root.version, by, sequence }, 'root of releases published');
        return;
      case 'pinsPublished':
      case 'pinsProposed': {
        const { pins, signers, reason } = event;
        const done = event.kind === 'pinsPublished' ? 'pins published' : 'pins wait for signatures';
        this.#log.info({ version: pins.version, signers, reason, by, sequence }, done);
        return;
      }
      case 'releaseAcknowledged': {
        const { cluster, track, version, outcome, faultCode } = event;
        this.#metrics.acknowledged(outcome);
        const fields = { cluster, track, version, outcome, sequence };
        if (outcome === 'refused') this.#log.warn({ ...fields, faultCode }, 'an agent refused a release');
        else this.#log.debug(fields, 'an agent acknowledged a release');
        return;
      }
      default:
        return;
    }
  }
}
