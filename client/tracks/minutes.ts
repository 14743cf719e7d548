/** What a file's places came to, by workload and by the minute, with the rates of workloads and without. */
import { instantText } from '../../base/text/instant-text.ts';
import { table, time } from '../../base/text/table.ts';
import type { FileVerdict, JudgedPlace, ToldRate } from './file-judge.ts';
import { type Quality, qualityOf, qualityTable } from './quality.ts';
import { lineOf } from './score-lines.ts';

/** A workload's minute: the worst of the places that its rates are about. */
export type Minute = {
  readonly startMs: number;
  readonly workload: string;
  /** What the files call what happened in it; empty: normal. */
  readonly labels: Set<string>;
  /** On the way from usual (0) to an alarm (1); 0 while there is no threshold. */
  riskAlone: number;
  risk: number;
  /** How likely its rates are; 1 where too little is known of them. */
  rateP: number;
  /** What was counted, of the place whose rates were rarest. */
  told: readonly ToldRate[];
};

type Alarms = Readonly<{ places: number; alone: number; withRates: number }>;

/** Places of a file are benign or hostile; what changed on purpose is neither. */
export type Side = 'benign' | 'hostile' | 'drift';

export type RatedQuality = Readonly<{
  /** Length of a "minute". */
  intervalMs: number;
  /** All places by their scores with what the rates add. */
  overall: Quality;
  byFamily: Readonly<Record<string, Quality>>;
  /** Places above the threshold that a client would have had then. */
  alarms: Readonly<{ benign: Alarms; hostile: Alarms }>;
  /** Workloads' minutes by their worst place. */
  minutes: Readonly<{ alone: Quality; withRates: Quality; ratesAlone: Quality }>;
  /** Minutes with a rate that is rare by itself: how many, and the rarest of them. */
  unusualCount: number;
  unusual: readonly UnusualMinute[];
}>;

type UnusualMinute = Readonly<{
  minute: string;
  workload: string;
  labels: readonly string[];
  riskAlone: number;
  risk: number;
  p: number;
  rates: readonly ToldRate[];
}>;

/** Minutes that a report holds, and that a table shows people, at most. */
const unusualMax = 1_000;
const shownMax = 20;

/** Collects verdicts, place by place, in any order. */
export class Minutes {
  readonly #intervalMs: number;
  /** By workload and start. */
  readonly #minutes = new Map<string, Minute>();
  readonly #lifted: Record<'benign' | 'hostile', number[]> = { benign: [], hostile: [] };
  readonly #byFamily = new Map<string, number[]>();
  readonly #alarms = { benign: { alone: 0, withRates: 0 }, hostile: { alone: 0, withRates: 0 } };

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /**
   * labels: what the file calls it; empty: normal. cluster: where a file holds several, whose workload it is. A place that no rates
   * are about is part of no minute.
   */
  add({ view }: JudgedPlace, verdict: FileVerdict, side: Side, labels: readonly string[], cluster = ''): void {
    if (side !== 'drift') {
      this.#lifted[side].push(verdict.lifted);
      if (verdict.alarmAlone) this.#alarms[side].alone += 1;
      if (verdict.alarm) this.#alarms[side].withRates += 1;
    }
    if (side === 'hostile') {
      for (const label of labels) {
        const own = this.#byFamily.get(label) ?? [];
        this.#byFamily.set(label, own);
        own.push(verdict.lifted);
      }
    }
    const prefix = cluster === '' ? '' : `${cluster} `;
    const startMs = Math.floor(view.atMs / this.#intervalMs) * this.#intervalMs;
    for (const workload of new Set([...view.adds, ...view.of].map((one) => one.workload))) {
      this.#addTo(this.#minuteOf(`${prefix}${workload}`, startMs), verdict, side === 'benign' ? [] : labels);
    }
  }

  /** In the order of time, then by workload. */
  inOrder(): readonly Minute[] {
    return [...this.#minutes.values()].sort((a, b) => a.startMs - b.startMs || compare(a.workload, b.workload));
  }

  quality(): RatedQuality {
    const [benign, hostile] = [this.#lifted.benign, this.#lifted.hostile];
    const all = this.inOrder();
    const calm = all.filter(({ labels }) => labels.size === 0);
    const attacked = all.filter(({ labels }) => [...labels].some((label) => label !== 'drift'));
    const byMinute = (of: (minute: Minute) => number) => qualityOf(calm.map(of), attacked.map(of));
    const unusual = all.filter(({ told }) => told.length > 0).sort((a, b) => a.rateP - b.rateP);
    const families = [...this.#byFamily].sort(([a], [b]) => compare(a, b));
    return {
      intervalMs: this.#intervalMs,
      overall: qualityOf(benign, hostile),
      byFamily: Object.fromEntries(families.map(([family, own]) => [family, qualityOf(benign, own)])),
      alarms: {
        benign: { places: benign.length, ...this.#alarms.benign },
        hostile: { places: hostile.length, ...this.#alarms.hostile },
      },
      minutes: {
        alone: byMinute(({ riskAlone }) => riskAlone),
        withRates: byMinute(({ risk }) => risk),
        ratesAlone: byMinute(({ rateP }) => -Math.log(rateP)),
      },
      unusualCount: unusual.length,
      unusual: unusual.slice(0, unusualMax).map(({ startMs, workload, labels, riskAlone, risk, rateP, told }) => ({
        ...{ minute: time(startMs), workload, labels: [...labels].sort() },
        ...{ riskAlone, risk, p: rateP, rates: told },
      })),
    };
  }

  #minuteOf(workload: string, startMs: number): Minute {
    const key = `${startMs} ${workload}`;
    const known = this.#minutes.get(key);
    if (known !== undefined) return known;
    const fresh: Minute = { startMs, workload, labels: new Set(), riskAlone: 0, risk: 0, rateP: 1, told: [] };
    this.#minutes.set(key, fresh);
    return fresh;
  }

  #addTo(minute: Minute, { riskAlone = 0, risk = 0, rateP = 1, told }: FileVerdict, labels: readonly string[]): void {
    for (const label of labels) minute.labels.add(label);
    minute.riskAlone = Math.max(minute.riskAlone, riskAlone);
    minute.risk = Math.max(minute.risk, risk);
    if (rateP >= minute.rateP) return;
    minute.rateP = rateP;
    minute.told = told;
  }
}

/** `minute TAB workload TAB risk TAB risk with rates TAB p of the rates TAB what was counted`; "-" where there is nothing to say. */
export function minuteLine({ startMs, workload, riskAlone, risk, rateP, told }: Minute): string {
  const said = told.map(({ text }) => text).join('; ');
  const p = rateP === 1 ? '-' : rateP.toExponential(2);
  return lineOf([instantText(startMs), workload, riskAlone.toFixed(4), risk.toFixed(4), p, said || '-']);
}

/** For people: what rates add, minutes as wholes, and the rarest of them. */
export function ratedText(rated: RatedQuality): string {
  const { intervalMs, alarms, minutes, unusual, unusualCount } = rated;
  const { benign, hostile } = alarms;
  const of = ({ alone, withRates, places }: Alarms) => `${alone} without rates and ${withRates} with, of ${places}`;
  const rows = [
    { name: 'scores', ...minutes.alone },
    { name: 'scores and rates', ...minutes.withRates },
    { name: 'rates', ...minutes.ratesAlone },
  ];
  const length = intervalMs === 60_000 ? 'minute' : `${intervalMs / 1_000} s`;
  const shown = unusual.slice(0, shownMax);
  const title = `workloads with rates that are rare, by the ${length}: ${unusualCount}`;
  return [
    `alarms, benign: ${of(benign)}; hostile: ${of(hostile)}`,
    qualityTable(`workloads by the ${length}, by`, rows),
    shown.length === 0
      ? title
      : `${title}${unusualCount > shown.length ? `; the ${shown.length} rarest` : ''}\n${rarest(shown)}`,
  ].join('\n\n');
}

function rarest(shown: readonly UnusualMinute[]): string {
  return table(shown, [
    { title: 'FROM', text: ({ minute }) => minute },
    { title: 'LABELS', text: ({ labels }) => labels.join(', ') || 'normal' },
    { title: 'RISK', text: ({ riskAlone }) => riskAlone.toFixed(2), align: 'right' },
    { title: 'WITH RATES', text: ({ risk }) => risk.toFixed(2), align: 'right' },
    { title: 'COUNTED', text: ({ workload, rates }) => rates[0]?.text ?? workload },
  ]);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
