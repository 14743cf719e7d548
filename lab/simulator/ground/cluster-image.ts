import type { AgentState } from '../../../client/releases/agent-store.ts';
import type { KeptUpdate } from '../../../client/rounds/outbox.ts';
import type { Digest } from '../../../proto/ids.ts';
import type { InstallReport } from '../../../proto/release/install-report.ts';
import type { ShadowReport } from '../../../proto/release/shadow-report.ts';

export type KeptReport = Readonly<
  | { kind: 'install'; report: InstallReport; signature: Buffer }
  | { kind: 'shadow'; report: ShadowReport; signature: Buffer }
>;

/** What a cluster's client keeps on disk. */
export class ClusterImage {
  update: { kept: KeptUpdate; sealed: Buffer; sequence: number | undefined } | undefined;
  agent: AgentState = { federation: null, trust: null, expiresAtMs: null, tracks: {} };
  readonly files = new Map<Digest, Uint8Array>();
  reports: readonly KeptReport[] = [];
}
