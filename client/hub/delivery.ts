import { createHash } from 'node:crypto';
import { type Fault, ok, type Result, refuse } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
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
  /** An example as its track reads it. */
  decode(track: TrackId, example: Uint8Array): Result<unknown, 'TRACK_NOT_FOUND' | 'REQUEST_INVALID'>;
  /** Raises an alert that a sensor has raised; the same one again counts once. */
  raise(track: TrackId, alert: Alert, example: unknown): Promise<void>;
  /** Takes normal examples in, each with how often it came. */
  learn(track: TrackId, examples: readonly CountedExample[]): Result<undefined, 'DISK_FULL'>;
  flows(flows: readonly ObservedFlow[]): void;
  /** Where a pod was at that time; undefined where nobody knows, or nobody proved which node a sensor is of. */
  nodeOf(namespace: string, pod: string, atMs: EpochMs): string | undefined;
  /** Of a batch that was taken in, this was not. */
  refused(node: string, what: DeliveredKind, fault: Fault<ItemFaultCode>): void;
  wantsExamples(): boolean;
  wantsFlows(): boolean;
}>;

export type DeliveryFaultCode = 'REQUEST_INVALID' | 'DISK_FULL';

export type DeliveredKind = 'alert' | 'example' | 'tally';

/** Why one thing of a batch is not taken in. */
export type ItemFaultCode = 'REQUEST_INVALID' | 'TRACK_NOT_FOUND' | 'POD_ELSEWHERE';

type Refused = Readonly<{ what: DeliveredKind; fault: Fault<ItemFaultCode> }>;

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

  /**
   * Takes one batch in. One that is no batch is refused as a whole, and a later one is not held up; what is wrong with one thing in it
   * is no reason to lose the others.
   */
  async take(sensor: KnownSensor, request: DeliverRequest): Promise<Result<DeliverResponse, DeliveryFaultCode>> {
    const fault = faultOf(request);
    if (fault !== undefined) return refuse('REQUEST_INVALID', `${sensor.node}: ${fault}`);
    sensor.status = request.status ?? sensor.status;
    const unknown: Buffer[] = [];
    const refused: Refused[] = [];
    if (isNewBatch(sensor, request.batch)) await this.#alerts(sensor, request, refused);
    // Asked again: a sensor that got no answer in time sends the same while its alerts are written still.
    if (isNewBatch(sensor, request.batch)) {
      const learnt = this.#examples(request, unknown, refused);
      if (!learnt.ok) return learnt;
      this.#flows(sensor, request, refused);
      tookIn(sensor, request.batch);
      for (const { what, fault } of refused) this.#ports.refused(sensor.node, what, fault);
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

  async #alerts({ node }: KnownSensor, { alerts }: DeliverRequest, refused: Refused[]): Promise<void> {
    for (const { track, alert: bytes, example } of alerts) {
      const alert = alertOf(bytes);
      const checked =
        alert === undefined || alert.track !== track
          ? refuse('REQUEST_INVALID', 'an alert that is none')
          : this.#checked(node, alert, example);
      if (checked.ok) await this.#ports.raise(track as TrackId, checked.value.alert, checked.value.example);
      else refused.push({ what: 'alert', fault: checked.fault });
    }
  }

  /** An alert as it is raised. A sensor sees the pods of its node: of another's it can know nothing. */
  #checked(
    node: string,
    alert: Alert,
    example: Uint8Array,
  ): Result<Readonly<{ alert: Alert; example: unknown }>, ItemFaultCode> {
    const { namespace, pod } = alert.subject;
    const at = this.#ports.nodeOf(namespace, pod, Date.parse(alert.at));
    if (at !== undefined && at !== node) return refuse('POD_ELSEWHERE', `${namespace}/${pod} is on ${at}`);
    const decoded = this.#ports.decode(alert.track as TrackId, example);
    if (!decoded.ok) return decoded;
    return ok({ alert: { ...alert, detail: { ...alert.detail, sensor: node } }, example: decoded.value });
  }

  #examples({ examples }: DeliverRequest, unknown: Buffer[], refused: Refused[]): Result<undefined, 'DISK_FULL'> {
    const byTrack = new Map<TrackId, CountedExample[]>();
    for (const { track: name, content, example, count } of examples) {
      const track = name as TrackId;
      const whole = example.length > 0 ? example : this.#contents.get(track, content);
      if (whole === undefined) {
        unknown.push(content);
        continue;
      }
      const decoded = this.#ports.decode(track, whole);
      if (!decoded.ok) {
        refused.push({ what: 'example', fault: decoded.fault });
        continue;
      }
      this.#contents.put(track, content, whole);
      const known = byTrack.get(track) ?? [];
      byTrack.set(track, known);
      known.push({ example: decoded.value, count: Math.min(Number(count), Number.MAX_SAFE_INTEGER) });
    }
    for (const [track, some] of byTrack) {
      const learnt = this.#ports.learn(track, some);
      if (!learnt.ok) return learnt;
    }
    return ok(undefined);
  }

  #flows({ node }: KnownSensor, { flows }: DeliverRequest, refused: Refused[]): void {
    // Whatever it says: by nodes clocks are put right, and by names repeats are left out. What sensors count has no name.
    const own = { node, id: '' };
    const read = flows.flatMap(({ flow: bytes }) => {
      const flow = observedFlow(bytes);
      if (flow !== undefined) return [{ ...flow, ...own }];
      refused.push({ what: 'tally', ...refuse('REQUEST_INVALID', 'a flow that is none') });
      return [];
    });
    if (read.length > 0) this.#ports.flows(read);
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
