import { randomBytes } from 'node:crypto';
import type { HeardAlert, RunningModel } from '../../proto/generated/testudo/v1/responses.ts';
import { newestAlerts } from '../alerts/read-alerts.ts';
import type { Alert } from '../scoring/alert.ts';

const dayMs = 86_400_000;
const textMax = 10_000;

export type AlertBookLimits = Readonly<{ alertsMax: number; charactersMax: number; ageMsMax: number }>;

/** What is older decides on nothing; what is more is a flood, and the newest tell of it. */
const defaultLimits: AlertBookLimits = { alertsMax: 20_000, charactersMax: 16 << 20, ageMsMax: dayMs };

/**
 * The alerts of one run of the hub in the order in which they were heard, each with a number of its own: what an agent goes on
 * from after a cut. A run begins with what the alert file says of the last day, so a hub that starts again loses none.
 */
export class AlertBook {
  /** Names the run: numbers of another mean nothing here. */
  readonly run = randomBytes(8).toString('hex');
  readonly #limits: AlertBookLimits;
  readonly #alerts: HeardAlert[] = [];
  readonly #known = new Set<string>();
  #last = 0;
  #characters = 0;
  #models: readonly RunningModel[] = [];
  /** When was looked last what runs; undefined before the first look. */
  #lookedMs: number | undefined;
  #news = Promise.withResolvers<void>();

  constructor(limits: AlertBookLimits = defaultLimits) {
    this.#limits = limits;
  }

  /** Hears what the alert file says of the last day. What is raised meanwhile may be heard before it. */
  async load(file: string, nowMs: number): Promise<void> {
    const { alertsMax, charactersMax, ageMsMax } = this.#limits;
    const found: Alert[] = [];
    let lines = 0;
    let characters = 0;
    for await (const alert of newestAlerts(file)) {
      lines += 1;
      characters += alert.text.length;
      if (lines > alertsMax || characters > charactersMax) break;
      if (Date.parse(alert.at) >= nowMs - ageMsMax) found.push(alert);
    }
    for (const alert of found.reverse()) this.add(alert);
  }

  /** The last number that was given; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  get models(): readonly RunningModel[] {
    return this.#models;
  }

  /** The same alert again is no news. */
  add({ id, at, track, modelVersion, score, threshold, text, subject }: Alert): void {
    if (this.#known.has(id)) return;
    this.#known.add(id);
    this.#last += 1;
    const { namespace, workload, pod } = subject;
    const heard: HeardAlert = {
      ...{ sequence: BigInt(this.#last), id, atMs: BigInt(Math.max(0, Date.parse(at))), track },
      ...{ modelVersion: BigInt(Math.max(0, modelVersion)), score, threshold, namespace, workload, pod },
      text: text.slice(0, textMax),
    };
    this.#alerts.push(heard);
    this.#characters += heard.text.length;
    while (this.#alerts.length > this.#limits.alertsMax || this.#characters > this.#limits.charactersMax) {
      const oldest = this.#alerts.shift();
      if (oldest === undefined) break;
      this.#known.delete(oldest.id);
      this.#characters -= oldest.text.length;
    }
    this.#tell();
  }

  /** What each track runs now. A version that did not run at the look before counts from then on: its swap was not earlier. */
  runs(versions: readonly Omit<RunningModel, 'sinceMs'>[], nowMs: number): void {
    const sinceMs = BigInt(this.#lookedMs ?? nowMs);
    this.#lookedMs = nowMs;
    const models = versions.map(({ track, version, manifest }) => {
      const before = this.#models.find((model) => model.track === track && model.version === version);
      return before ?? { track, version, sinceMs, manifest };
    });
    const isSame = models.length === this.#models.length && models.every((model, at) => model === this.#models[at]);
    if (isSame) return;
    this.#models = models;
    this.#tell();
  }

  /** At most `max` alerts after this number, oldest first. */
  after(sequence: number, max: number): readonly HeardAlert[] {
    const first = Number(this.#alerts[0]?.sequence ?? 0n);
    const from = Math.max(0, sequence + 1 - first);
    return this.#alerts.slice(from, from + max);
  }

  /** Resolves with the next news. */
  next(): Promise<void> {
    return this.#news.promise;
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}
