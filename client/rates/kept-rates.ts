import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import { isMissing, writeFileAtomic } from '../../base/atomic-file.ts';
import type { Log } from '../../base/log.ts';
import type { Timer, Timers } from '../../base/time.ts';
import { openRecord, recordKey, sealRecord } from '../storage/sealed-record.ts';
import type { RatesRecord, WorkloadRates } from './workload-rates.ts';

export type KeptRatesParts = Readonly<{
  path: string;
  dataKey: Uint8Array;
  rates: WorkloadRates;
  /** Numbers and keys that are kept at most; a number takes some three bytes. */
  valuesMax: number;
  log: Log;
  timers: Timers;
}>;

const saveMs = 600_000;
const format = 1;
/** Far more than is ever written: what does not end is not ours. */
const inflatedBytesMax = 2 ** 28;
const place = 'rates';

/**
 * What workloads usually do, kept over a restart in one sealed file: who is killed loses ten minutes of it at most. A file that
 * does not open is said and left behind; what is usual is then learnt anew.
 */
export class KeptRates {
  readonly #parts: KeptRatesParts;
  readonly #key: ReturnType<typeof recordKey>;
  #timer: Timer | undefined;
  #saidLeftOut = false;
  #saving: Promise<void> = Promise.resolve();

  private constructor(parts: KeptRatesParts) {
    this.#parts = parts;
    this.#key = recordKey(parts.dataKey, place);
  }

  /** Goes on where the last run was left, and saves from then on. Rejects never. */
  static async open(parts: KeptRatesParts): Promise<KeptRates> {
    const kept = new KeptRates(parts);
    await kept.#restore();
    kept.#timer = parts.timers.every(saveMs, () => void kept.save(), { background: true });
    return kept;
  }

  /** One save at a time. Resolves when it is written, or was said not to be. */
  save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#save());
    return this.#saving;
  }

  async close(): Promise<void> {
    this.#parts.timers.cancel(this.#timer);
    await this.save();
  }

  async #save(): Promise<void> {
    const { path, rates, valuesMax, log, timers } = this.#parts;
    try {
      const record = rates.record(timers.now(), valuesMax);
      this.#sayLeftOut(rates.workloadCount - record.workloads.length);
      const plain = JSON.stringify({ format, ...record });
      const sealed = sealRecord(this.#key, await promisify(deflate)(plain), place);
      await writeFileAtomic(path, sealed, { durable: false });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      log.warn({ path, code }, 'usual rates could not be kept: a restart would learn them anew');
    }
  }

  /** Once in a run: what does not fit now will not fit in ten minutes either. */
  #sayLeftOut(workloads: number): void {
    if (workloads === 0 || this.#saidLeftOut) return;
    this.#saidLeftOut = true;
    const { path, valuesMax, log } = this.#parts;
    log.warn({ path, workloads, valuesMax }, 'usual rates of some workloads are not kept: a restart learns them anew');
  }

  async #restore(): Promise<void> {
    const { path, rates, log, timers } = this.#parts;
    try {
      const opened = openRecord(this.#key, await readFile(path), place);
      if (!opened.ok) {
        log.warn({ path, code: opened.fault.code }, 'usual rates are learnt anew: the kept ones do not open');
        return;
      }
      const plain = await promisify(inflate)(opened.value, { maxOutputLength: inflatedBytesMax });
      const record = JSON.parse(plain.toString('utf8')) as RatesRecord & { format: number };
      if (record.format === format && rates.goOn(record, timers.now())) return;
      const of = { format: record.format, intervalMs: record.intervalMs };
      log.warn({ path, ...of }, 'usual rates are learnt anew: the kept ones are of another format or interval');
    } catch (error) {
      if (isMissing(error)) return;
      const { code } = error as NodeJS.ErrnoException;
      log.warn({ path, code }, 'usual rates are learnt anew: the kept ones cannot be read');
    }
  }
}
