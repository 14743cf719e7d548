import type { ObservedFlow } from './flow-record.ts';

/** Who makes a call, as far as the source knows; empty texts where it does not. */
export type ProcessIdentity = Readonly<{
  node: string;
  namespace: string;
  workload: string;
  pod: string;
  container: string;
  /** Hexadecimal, whole or its first twelve digits and more: other tools name containers so. Absent where nobody says it. */
  containerId?: string | undefined;
  binary: string;
  pid: number;
  /** What kind of workload this is, the same word in every cluster: detectors are conditioned on it. */
  workloadClass: string;
}>;

/** Why something was passed over. A closed set: it labels a metric. */
export type SkipReason =
  | 'MALFORMED_JSON'
  | 'NOT_AN_OBJECT'
  | 'UNKNOWN_EVENT_TYPE'
  | 'IGNORED_EVENT_TYPE'
  | 'INCOMPLETE_EVENT'
  | 'LINE_TOO_LONG'
  | 'HALF_LINE'
  | 'FILE_TRUNCATED'
  | 'ROTATED_AWAY'
  | 'NOT_A_CALL'
  | 'CLOCK_JUMP'
  | 'MALFORMED_LINE'
  /** A line of a recording that is not to be learnt from. */
  | 'OTHER_SPLIT'
  | 'MALFORMED_CSV'
  | 'UNKNOWN_LAYOUT'
  | 'WRONG_FIELD_COUNT'
  | 'BAD_FIELD'
  | 'BAD_TIME'
  | 'MISSING_ENDPOINT'
  /** The sensor saw nothing in an interval, or says that it left records out. */
  | 'NO_DATA'
  | 'SENSOR_SKIPPED'
  | 'NOT_AN_ACCESS_LOG_LINE'
  /** A line of text whose quoting does not add up: whoever is logged may have written a part of it. */
  | 'FORGED_OR_BROKEN'
  /** A call of which nothing tells whether the workload made it or was called. */
  | 'DIRECTION_UNKNOWN'
  /** The sensor's news of its nodes. */
  | 'NODE_STATUS'
  /** A flow that was seen before. */
  | 'REPEATED'
  /** A flow of an interval that is closed. */
  | 'TOO_LATE';

/** Why something counts together with others. A closed set: it labels the same metric. */
export type Coarsened =
  /** Pairs of workloads that used more ports than are told apart. */
  | 'PORT_SCAN'
  /** Flows of more workloads, or of more edges, than are told apart. */
  | 'WORKLOADS_FOLDED'
  | 'EDGES_FOLDED';

/** Files and bytes that can never be read, as far as they are known. */
export type SourceLoss = Readonly<{ files: number | undefined; bytes: number | undefined }>;

/** What a source yields. */
export type SourceItem = Readonly<
  | {
      kind: 'call';
      /** One thread of execution, for as long as it lives. */
      thread: string;
      process: ProcessIdentity;
      /** Id of the detectors' vocabulary. */
      call: number;
      /** See argument-class.ts. */
      argumentClass: number;
      /** By the source's clock; 0 where it has none. */
      atMs: number;
    }
  | { kind: 'end'; thread: string }
  /** A recorded trace, or a piece of a long one: ids of the detectors' vocabulary. */
  | { kind: 'trace'; name: string; workloadClass: string; calls: Uint16Array }
  /** Who talked to whom. */
  | { kind: 'flow'; flow: ObservedFlow }
  /** From a source that a track brings itself; nobody else looks into it. */
  | { kind: 'ofTrack'; track: string; value: unknown }
  /** `where`: the position in the source, for people. `loss`: what is known of what was gone before it could be read. */
  | { kind: 'skipped'; reason: SkipReason; where: string; loss?: SourceLoss }
  /** The line of the next item held bytes that are no UTF-8: each was replaced by U+FFFD, and the line read. */
  | { kind: 'repaired'; where: string }
  /** The sensor itself says that it dropped events. */
  | { kind: 'lost'; count: number }
  | { kind: 'label'; label: IntrusionLabel }
>;

/** Another tool's alert: a hint about which of our alerts are true, never an example. */
export type IntrusionLabel = Readonly<{
  rule: string;
  priority: string;
  atMs: number;
  namespace: string;
  pod: string;
  /** Hexadecimal id, whole or its first twelve digits; empty for processes of the host. */
  container: string;
  text: string;
}>;

/** Items, and where to go on after them. */
export type SourceBatch<Cursor> = Readonly<{ items: readonly SourceItem[]; cursor: Cursor | undefined }>;

/** What a flow source yields. */
export type FlowItem = Extract<SourceItem, { kind: 'flow' | 'skipped' | 'repaired' | 'lost' }>;

/** Flow items, and where to go on after them. */
export type FlowBatch<Cursor> = Readonly<{ items: readonly FlowItem[]; cursor: Cursor | undefined }>;
