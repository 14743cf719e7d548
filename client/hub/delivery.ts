import { createHash } from 'node:crypto';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { DeliverRequest, DeliverResponse } from '../../proto/generated/testudo/v1/sensors.ts';
import { isTrackId, type TrackId } from '../../proto/ids.ts';
import type { ObservedFlow } from '../events/flow-record.ts';
import type { CountedExample } from '../learning/example-buffer.ts';
import { type Alert, toldAlert } from '../scoring/alert.ts';
import { ContentsKnown } from './contents-known.ts';
import { observedFlow } from './flow-of-tally.ts';
import { defaultLevelsOptions, Levels } from './levels.ts';
import { isNewBatch, type KnownSensor, tookIn } from './sensor-book.ts';

/** What the hub hands on to the client around it. */
export type DeliveryPorts = Readonly<{
  /** Raises an alert that a sensor has raised; the same one again counts once. False: no such track here. */
  raise(track: TrackId, alert: Alert, example: Uint8Array): Promise<Result<undefined, DeliveryFaultCode>>;
  /** Takes normal examples in, each with how often it came. */
  learn(track: TrackId, examples: readonly CountedExample<Uint8Array>[]): Result<undefined, DeliveryFaultCode>;
  flows(flows: readonly ObservedFlow[]): void;
  wantsExamples(): boolean;
  wantsFlows(): boolean;
}>;

export type DeliveryFaultCode = 'REQUEST_INVALID' | 'DISK_FULL' | 'TRACK_NOT_FOUND';

const limits = {
  alerts: 256,
  examples: 4_096,
  sketches: 512,
  flows: 4_096,
  alertBytes: 256 << 10,
  exampleBytes: 64 << 10,
};

/** What sensors say, checked and handed on. A sensor may be in an attacker's hands: nothing of it is believed beyond its own node. */
export class Deliveries {
  readonly levels = new Levels(defaultLevelsOptions);
  readonly #ports: DeliveryPorts;
  readonly #contents = new ContentsKnown();

  constructor(ports: DeliveryPorts) {
    this.#ports = ports;
  }

  /** Takes one batch in, all of it or none: a batch that is refused says why, and a later one is not held up. */
  async take(sensor: KnownSensor, request: DeliverRequest): Promise<Result<DeliverResponse, DeliveryFaultCode>> {
    const fault = faultOf(request);
    if (fault !== undefined) return refuse('REQUEST_INVALID', `${sensor.node}: ${fault}`);
    sensor.status = request.status ?? sensor.status;
    const unknown: Buffer[] = [];
    if (isNewBatch(sensor, request.batch)) {
      const alerted = await this.#alerts(sensor, request);
      if (!alerted.ok) return alerted;
    }
    // Asked again: a sensor that got no answer in time sends the same while its alerts are written still.
    if (isNewBatch(sensor, request.batch)) {
      const learnt = this.#examples(request, unknown);
      if (!learnt.ok) return learnt;
      // Whatever it says: by nodes clocks are put right, and by names repeats are left out. What sensors count has no name.
      const own = { node: sensor.node, id: '' };
      const flows = request.flows.flatMap(({ flow }) => observedFlow(flow) ?? []).map((flow) => ({ ...flow, ...own }));
      if (flows.length > 0) this.#ports.flows(flows);
      tookIn(sensor, request.batch);
    }
    for (const sketch of request.sketches) this.levels.hear(sensor.node, sketch);
    return ok({
      unknownContents: unknown,
      levels:
        this.levels.version === Number(request.levelsVersion)
          ? undefined
          : { version: BigInt(this.levels.version), levels: [...this.levels.all()] },
      wantsExamples: this.#ports.wantsExamples(),
      wantsFlows: this.#ports.wantsFlows(),
    });
  }

  async #alerts(sensor: KnownSensor, { alerts }: DeliverRequest): Promise<Result<undefined, DeliveryFaultCode>> {
    for (const { track, alert: bytes, example } of alerts) {
      const alert = alertOf(bytes);
      if (alert === undefined || alert.track !== track) {
        return refuse('REQUEST_INVALID', `${sensor.node}: an alert that is none`);
      }
      const from = { ...alert, detail: { ...alert.detail, sensor: sensor.node } };
      const raised = await this.#ports.raise(track as TrackId, from, example);
      if (!raised.ok) return raised;
    }
    return ok(undefined);
  }

  #examples({ examples }: DeliverRequest, unknown: Buffer[]): Result<undefined, DeliveryFaultCode> {
    const byTrack = new Map<TrackId, CountedExample<Uint8Array>[]>();
    for (const { track, content, example, count } of examples) {
      const whole = example.length > 0 ? example : this.#contents.get(track, content);
      if (whole === undefined) {
        unknown.push(content);
        continue;
      }
      const known = byTrack.get(track as TrackId) ?? [];
      byTrack.set(track as TrackId, known);
      known.push({ example: whole, count: Math.min(Number(count), Number.MAX_SAFE_INTEGER) });
    }
    for (const [track, some] of byTrack) {
      const learnt = this.#ports.learn(track, some);
      if (!learnt.ok) return learnt;
    }
    for (const { track, content, example } of examples)
      if (example.length > 0) this.#contents.put(track, content, example);
    return ok(undefined);
  }
}

function faultOf({ batch, alerts, examples, sketches, flows }: DeliverRequest): string | undefined {
  if (!/^[a-z0-9-]{1,64}$/.test(batch)) return 'a batch without a name of its kind';
  if (alerts.length > limits.alerts || examples.length > limits.examples) return 'more in one batch than there may be';
  if (sketches.length > limits.sketches || flows.length > limits.flows) return 'more in one batch than there may be';
  if (![...alerts, ...examples, ...sketches].every(({ track }) => isTrackId(track))) return 'a track that is no id';
  const isLong = ({ example }: { example: Uint8Array }) => example.length > limits.exampleBytes;
  if (alerts.some((one) => one.alert.length > limits.alertBytes || isLong(one))) return 'an alert that is too long';
  if (examples.some(isLong)) return 'an example that is too long';
  if (examples.some(({ content, example }) => example.length > 0 && !content.equals(contentOf(example)))) {
    return 'an example that has another content than it says';
  }
  const isNamedLong = ({ group, model }: { group: string; model: string }) => group.length > 256 || model.length > 256;
  return sketches.some(isNamedLong) ? 'a group or a model with a name that is too long' : undefined;
}

/** Names an encoded example. */
function contentOf(example: Uint8Array): Buffer {
  return createHash('sha256').update(example).digest().subarray(0, 16);
}

function alertOf(bytes: Uint8Array): Alert | undefined {
  try {
    const parsed = toldAlert.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
