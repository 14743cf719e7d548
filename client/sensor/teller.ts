import { faultFields, type Log } from '../../base/log.ts';
import type { Timer, Timers } from '../../base/time.ts';
import { Turns } from '../../base/waiting/turns.ts';
import { DeliverRequest, type DeliverResponse } from '../../proto/generated/testudo/v1/sensors.ts';
import type { SourceItem } from '../events/source-item.ts';
import type { LocalTrack } from '../learning/local-track.ts';
import type { Alert } from '../scoring/alert.ts';
import { FlowTally } from '../sources/flow/flow-tally.ts';
import { Contents } from './contents.ts';
import type { Spool, SpoolClass } from './spool.ts';

export type TellerPorts = Readonly<{
  spool: Spool;
  /** There is something to tell. */
  wake(): void;
  log: Log;
  timers: Timers;
}>;

/** How often new contents are told; counts of old ones wait longer. */
const freshMs = 1_000;
const countsMs = 60_000;
/** The interval that flows are counted by. */
const flowsMs = 10_000;
const recordBytesMax = 512 << 10;
/** In one record, whole or counted: a hub takes no more at once. */
const examplesMax = 4_096;
const flowsMax = 2_000;

/** Makes records of what the hub asks for, and puts them into the spool: alerts at once, the rest gathered for a while. */
export class Teller {
  readonly #ports: TellerPorts;
  readonly #contents = new Contents();
  readonly #flows = new FlowTally();
  /** What the hub asks for; all of it until it has said. */
  #wants = { examples: true, flows: true };
  #beats: readonly Timer[] = [];
  /** What is being told: one after another, and all of it before this is closed. */
  readonly #telling = new Turns();

  constructor(ports: TellerPorts) {
    this.#ports = ports;
  }

  /** Flows that were told apart no more. */
  get lostFlows(): number {
    return this.#flows.lost;
  }

  start(): void {
    const { timers } = this.#ports;
    this.#beats = [
      timers.every(freshMs, () => void this.#telling.take(() => this.#tellFresh()), { background: true }),
      timers.every(countsMs, () => void this.#telling.take(() => this.#tellCounts()), { background: true }),
      timers.every(flowsMs, () => void this.#telling.take(() => this.#tellFlows()), { background: true }),
    ];
  }

  /** Resolves when the alert is where it is not lost. */
  async raise({ id, kind }: LocalTrack, alert: Alert, example: unknown): Promise<void> {
    const told = { alert: Buffer.from(JSON.stringify(alert)), example: Buffer.from(kind.examples.encode(example)) };
    await this.#put('alert', { alerts: [{ track: id, ...told }] });
  }

  /** Counts a normal example; true where its content is new here. */
  note({ id, kind }: LocalTrack, example: unknown): boolean {
    return this.#contents.note(id, kind.examples.encode(example));
  }

  hear(items: readonly SourceItem[]): void {
    if (this.#wants.flows) this.#flows.hear(items);
  }

  heed({ unknownContents, wantsExamples, wantsFlows }: DeliverResponse): void {
    this.#wants = { examples: wantsExamples, flows: wantsFlows };
    if (unknownContents.length > 0) this.#contents.forget(unknownContents);
  }

  /** Resolves when nothing is being put into the spool. */
  settled(): Promise<void> {
    return this.#telling.settled();
  }

  /** Puts everything into the spool that was gathered, after what is being put there. */
  async close(): Promise<void> {
    for (const timer of this.#beats) this.#ports.timers.cancel(timer);
    await this.settled();
    while (this.#contents.fresh.count > 0) await this.#tellFresh();
    await this.#tellCounts();
    await this.#tellFlows();
  }

  /** What fits into one record, and the rest as long as it fills another: what waits in the spool is bounded, and here it is not. */
  async #tellFresh(): Promise<void> {
    for (;;) {
      const examples = this.#contents.takeFresh(recordBytesMax, examplesMax);
      if (examples.length > 0 && this.#wants.examples) await this.#put('ordinary', { examples: [...examples] });
      const { bytes, count } = this.#contents.fresh;
      if (bytes < recordBytesMax && count < examplesMax) return;
    }
  }

  async #tellCounts(): Promise<void> {
    const counts = this.#contents.takeCounts();
    for (let from = 0; from < counts.length && this.#wants.examples; from += examplesMax) {
      await this.#put('ordinary', { examples: counts.slice(from, from + examplesMax) });
    }
  }

  async #tellFlows(): Promise<void> {
    const flows = this.#flows.take().map((flow) => ({ flow: Buffer.from(JSON.stringify(flow)) }));
    for (let from = 0; from < flows.length && this.#wants.flows; from += flowsMax) {
      await this.#put('ordinary', { flows: flows.slice(from, from + flowsMax) });
    }
  }

  async #put(kind: SpoolClass, parts: Partial<DeliverRequest>): Promise<void> {
    const { spool, wake, log } = this.#ports;
    const put = await spool.put(kind, DeliverRequest.encode(DeliverRequest.fromPartial(parts)).finish());
    if (!put.ok) log.error({ ...faultFields(put.fault), class: kind }, 'the spool took no record');
    wake();
  }
}
