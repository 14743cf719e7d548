import type { FlowEnd, FlowProtocol } from '../../../events/flow-record.ts';
import type { LastingCode } from '../../../posture/exposure.ts';

/**
 * The service graph of one window of time. Nodes are workloads (and world, hosts, control plane), edges are aggregated
 * flows: one for each client, server, protocol and served port, so a pair may have several. No names: what is here may be
 * learnt from. Columns are `nodeFeatureNames` (F of them) and `edgeFeatureNames` (E of them) of feature-names.ts.
 */
export type Slice = Readonly<{
  startMs: number;
  endMs: number;
  nodeCount: number;
  edgeCount: number;
  /** Shape [nodeCount, F], row-major. */
  nodeFeatures: Float32Array;
  /** Shape [edgeCount]: row of the client of each edge. */
  clients: Uint32Array;
  /** Shape [edgeCount]: row of the server. */
  servers: Uint32Array;
  /** Shape [edgeCount, E], row-major. */
  edgeFeatures: Float32Array;
  /** What the nodes' pods give an intruder, shape [nodeCount, P], columns of posture-columns.ts; absent where nobody knows. */
  posture?: Float32Array;
}>;

/** An aggregated flow under its local names, for alerts, seen pairs and evaluation. */
export type EdgeName = Readonly<{
  protocol: FlowProtocol;
  /** The served port, `foldedPort` or `manyPorts`. */
  port: number;
  /** Flows in the window; 0 where a connection was open in it and ended after it. */
  count: number;
  firstMs: number;
  lastMs: number;
  /** Route templates seen, at most 64. */
  routes: readonly string[];
  /** Labels other than "normal" of the flows in it: for evaluation, never for a detector. Empty in life. */
  labels: readonly string[];
  /** Flows that were refused, that a policy in audit mode would have refused, and that a proxy took over; absent for none. */
  refused?: number;
  audited?: number;
  redirected?: number;
  /** What sources said beside their verdicts ("POLICY_DENIED", "REJECT"), at most 8; absent for nothing. */
  reasons?: readonly string[];
}>;

/** Names of a slice's rows. They stay in the cluster, and no detector reads them. */
export type SliceNames = Readonly<{
  /** [nodeCount] */
  nodes: readonly FlowEnd[];
  /** [edgeCount] */
  edges: readonly EdgeName[];
}>;

export type NamedSlice = Readonly<{ slice: Slice; names: SliceNames }>;

/** What else is known of a workload at the end of a window; undefined where it is not. */
export type WorkloadSignals = Readonly<{
  /** Cores in use. */
  cpuCores?: number;
  memoryBytes?: number;
  /** The syscall track's anomaly score of the workload, 0 (normal) to 1. */
  syscallScore?: number;
  /** What its pods give an intruder for as long as they live. */
  exposedBy?: readonly LastingCode[];
}>;
export type SignalsOf = (end: FlowEnd) => WorkloadSignals | undefined;
