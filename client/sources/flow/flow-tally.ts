import { endKey, type FlowVolume, foldedPort, type ObservedFlow } from '../../events/flow-record.ts';
import type { SourceItem } from '../../events/source-item.ts';

const idsMax = 65_536;

export type FlowTallyOptions = Readonly<{
  /** Flows that are told apart between two takings; further ones are counted as lost. */
  keysMax: number;
}>;

/**
 * Flows counted instead of passed on: those between the same ends, on the same service and with the same outcome are one, with
 * their number and what they carried. Ports that were given out for one connection are folded where it is known which end asked.
 */
export class FlowTally {
  readonly #keysMax: number;
  #flows = new Map<string, CountedFlow>();
  #lost = 0;
  /** A source that goes on where it was repeats itself. Oldest first. */
  readonly #ids = new Set<string>();

  constructor({ keysMax }: FlowTallyOptions = { keysMax: 8_192 }) {
    this.#keysMax = keysMax;
  }

  /** Flows that were told apart no more. */
  get lost(): number {
    return this.#lost;
  }

  hear(items: readonly SourceItem[]): void {
    for (const item of items) if (item.kind === 'flow') this.#add(item.flow);
  }

  /** What was counted since it was taken last. */
  take(): readonly CountedFlow[] {
    const taken = [...this.#flows.values()];
    this.#flows = new Map();
    return taken;
  }

  #add(flow: ObservedFlow): void {
    if (flow.id !== '' && !this.#isNew(`${flow.node}/${flow.id}`)) return;
    const folded = withFoldedPort(flow);
    const key = keyOf(folded);
    const known = this.#flows.get(key);
    if (known !== undefined) this.#flows.set(key, together(known, folded));
    else if (this.#flows.size < this.#keysMax) this.#flows.set(key, folded);
    else this.#lost += flow.count;
  }

  #isNew(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > idsMax) this.#ids.delete(this.#ids.values().next().value as string);
    return true;
  }
}

/** What is told of a flow that stands for many: neither a name, nor one of their requests, nor what a data set calls it. */
type CountedFlow = Omit<ObservedFlow, 'request' | 'label'>;

function withFoldedPort({ request: _, label: __, ...flow }: ObservedFlow): CountedFlow {
  const nameless = { ...flow, id: '' };
  if (flow.isReply === undefined) return nameless;
  return flow.isReply ? { ...nameless, destinationPort: foldedPort } : { ...nameless, sourcePort: foldedPort };
}

function keyOf({ source, destination, l7, ...flow }: CountedFlow): string {
  const ends = [endKey(source), endKey(destination), flow.sourcePort, flow.destinationPort, flow.protocol, flow.node];
  const seen = [flow.isReply, flow.seenAt, flow.verdict, flow.verdictReason];
  const call = l7 === undefined ? [] : [l7.phase, l7.apiClass, l7.method, l7.route, l7.status];
  return JSON.stringify([...ends, ...seen, ...call]);
}

/** The first one's time stands for both; a time of ends would share the sum out once more. */
function together(known: CountedFlow, more: CountedFlow): CountedFlow {
  const { endMs = known.atMs, ...rest } = known;
  const lastMs = Math.max(endMs, more.endMs ?? more.atMs);
  return {
    ...rest,
    count: known.count + more.count,
    volume: sumOf(known.volume, more.volume),
    ...(known.endMs === undefined && more.endMs === undefined ? {} : { endMs: lastMs }),
  };
}

function sumOf(a: FlowVolume | undefined, b: FlowVolume | undefined): FlowVolume | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return {
    bytesOut: a.bytesOut + b.bytesOut,
    bytesIn: a.bytesIn + b.bytesIn,
    packetsOut: a.packetsOut + b.packetsOut,
    packetsIn: a.packetsIn + b.packetsIn,
    durationMs: a.durationMs + b.durationMs,
  };
}
