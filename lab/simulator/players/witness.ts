import type { Agent } from '../../../client/releases/decide/agent.ts';
import type { AgentEffect } from '../../../client/releases/decide/effects.ts';
import type { ReleaseMessage } from '../../../client/releases/release-calls.ts';
import type { UpdateHeader } from '../../../proto/envelope/header.ts';
import type { Receipt } from '../../../proto/envelope/receipt.ts';
import type { ClusterId } from '../../../proto/ids.ts';
import type { Link } from '../world/network.ts';

/** Told of what no one process could know of all the others. */
export interface Witness {
  /** An honest cluster has signed this header. */
  meant(header: UpdateHeader): void;
  /** A cluster holds this receipt, which passed its own check. */
  receipted(receipt: Receipt): void;
  /** An agent has decided. `nowMs`: by its own clock. */
  stepped(cluster: ClusterId, before: Agent, after: Agent, effects: readonly AgentEffect[], nowMs: number): void;
  /** The coordinator of this epoch has refused an update. */
  refused(epoch: number): void;
  /** What comes out at the other end of a line for one set that was sent into it. */
  onTheWire(link: Link, message: ReleaseMessage): readonly ReleaseMessage[];
}
