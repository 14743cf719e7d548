import { join } from 'node:path';
import { systemTimers } from '../../../base/system-timers.ts';
import type { TrackId } from '../../../proto/ids.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import type { Address } from '../../link/address.ts';
import type { ClusterIdentity } from '../../link/identity-store.ts';
import { type AgentConfig, type AgentEvent, type AgentTimes, defaultAgentTimes } from '../agent-ports.ts';
import { connectOverGrpc } from '../grpc/connect.ts';
import type { ModelHost } from '../hosts/model-host.ts';
import { StoredModels } from '../hosts/stored-models.ts';
import { ReleaseAgent } from '../release-agent.ts';

/** A model small enough to be read by eye. */
export const tinySpec: ModelSpec = {
  architecture: 'test/1',
  hyperparameters: {},
  tensors: [{ name: 'w', shape: [1_000] }],
};

export function tinyWeights(version: number): Float32Array {
  return Float32Array.from({ length: 1_000 }, (_, at) => version + at / 1_000);
}

export const quickTimes: AgentTimes = {
  ...defaultAgentTimes,
  reconnect: { firstMs: 10, maxMs: 50 },
  retry: { firstMs: 10, maxMs: 50 },
  unservedMs: 50,
  callTimeoutMs: 5_000,
  shadowReportMs: 100,
};

export type RigParts = Readonly<{
  folder: string;
  address: Address;
  track: TrackId;
  identity: ClusterIdentity;
  host?: ModelHost;
  config?: Partial<AgentConfig>;
  nowMs?: () => number;
  onEvent?: (event: AgentEvent) => void;
}>;

/** One agent and everything it reported. */
export class AgentRig {
  readonly agent: ReleaseAgent;
  readonly events: AgentEvent[] = [];
  readonly #parts: RigParts;
  #waiting: (() => void)[] = [];

  private constructor(agent: ReleaseAgent, parts: RigParts) {
    this.agent = agent;
    this.#parts = parts;
  }

  /** Opened and restored; it connects when it is told to. */
  static async open(parts: RigParts): Promise<AgentRig> {
    const early: AgentEvent[] = [];
    let rig: AgentRig | undefined;
    const { folder, address, track, host = new StoredModels(), nowMs = Date.now } = parts;
    const agent = await ReleaseAgent.open(
      {
        folder: join(folder, 'agent'),
        addresses: [address],
        connect: connectOverGrpc,
        hosts: new Map([[track, host]]),
        keepReleases: 4,
        trustAnchor: undefined,
        labels: undefined,
        times: quickTimes,
        ...parts.config,
      },
      {
        report: (event) => {
          parts.onEvent?.(event);
          if (rig === undefined) early.push(event);
          else rig.#hear(event);
        },
        unit: () => 0.5,
        timers: { ...systemTimers, now: nowMs },
      },
    );
    rig = new AgentRig(agent, parts);
    rig.events.push(...early);
    await agent.restore();
    return rig;
  }

  connect(): this {
    this.agent.connect(() => this.#parts.identity);
    return this;
  }

  /** The event of that kind that comes next after `from` events; all that came before count from 0. */
  async until<Kind extends AgentEvent['kind']>(
    kind: Kind,
    where: (event: Extract<AgentEvent, { kind: Kind }>) => boolean = () => true,
    from = 0,
  ): Promise<Extract<AgentEvent, { kind: Kind }>> {
    for (;;) {
      const found = this.events
        .slice(from)
        .find((event): event is Extract<AgentEvent, { kind: Kind }> => event.kind === kind && where(event as never));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #hear(event: AgentEvent): void {
    this.events.push(event);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
