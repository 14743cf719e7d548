import { z } from 'zod';
import { flowSourceKinds, follow, path } from './flow/flow-source-config.ts';

const abi = z.enum(['x86_64', 'i386', 'arm64']);
const numbersOf = 'whose the numbers of calls are';
const oldNumbersOf = abi
  .optional()
  .describe('whose numbers are that come alone, as before Tetragon 1.3; `x86_64` unless given');

/** Where events come from, as the configuration says it. Every track hears every source and takes what is for it. */
export const sourceConfig = z.discriminatedUnion('kind', [
  /** Recorded traces: `splits` says which lines are learnt from; the others are left out. */
  z.strictObject({
    kind: z.literal('traceFile'),
    path,
    splits: z.array(z.string()).default(['train', 'normal']).describe('lines of these are learnt from, and no others'),
    abi: abi.default('x86_64').describe(numbersOf),
  }),
  /** What `strace -f` writes. */
  z.strictObject({
    kind: z.literal('strace'),
    path,
    workload: z
      .string()
      .min(1)
      .max(128)
      .describe('what the traced program is called: the kind that its calls are judged as'),
    abi: abi.default('x86_64').describe(numbersOf),
    follow: follow.default(false),
  }),
  /** Tetragon's JSON export, followed through rotations. `abi`: of numbers alone, as Tetragon wrote them before v1.3. */
  z.strictObject({ kind: z.literal('tetragonFile'), path, follow, abi: oldNumbersOf }),
  /** Tetragon's own gRPC stream, a Unix socket or host:port on this node. */
  z.strictObject({
    kind: z.literal('tetragonGrpc'),
    address: z.string().min(1).describe('a Unix socket (`unix:///…`) or `host:port` on this node'),
    abi: oldNumbersOf,
  }),
  /** Falco's JSON alerts: labels for feedback, not examples. */
  z.strictObject({ kind: z.literal('falcoFile'), path, follow }),
  ...flowSourceKinds,
  /** A source that a track's folder brings itself; `settings` are the track's to check. */
  z.strictObject({
    kind: z.literal('ofTrack'),
    track: z.string().min(1).describe('which track brings this source'),
    settings: z.unknown().describe("the track's own, which it checks"),
  }),
]);

export type SourceConfig = z.infer<typeof sourceConfig>;

/** What is learnt and never judged: there is nothing to be alarmed about in a recording. */
export function isRecorded({ kind }: SourceConfig): boolean {
  return kind === 'traceFile' || kind === 'flowRecording';
}

/** CICFlowMeter writes a silent connection down two minutes after its last packet. */
const meterDelayS = 150;

/** Zeek and Suricata wait for minutes whether more comes, clouds write every ten minutes and deliver within five. */
const logDelayS = 900;

/** How long after a flow ended its record may come, milliseconds; undefined where it comes at once. */
export function delayMsOf(source: SourceConfig): number | undefined {
  if (source.kind === 'flowCsv') return (source.latenessS ?? meterDelayS) * 1_000;
  if (source.kind === 'flowLog') return (source.latenessS ?? logDelayS) * 1_000;
  // An exporter that aggregates writes when its interval is over, under the time of the first flow.
  if (source.kind === 'hubbleFile' && source.latenessS !== undefined) return source.latenessS * 1_000;
  return undefined;
}

/** Whether it is worth a word that nothing comes: an alert that does not come is no sign of anything. */
export function silenceIsNews({ kind }: SourceConfig): boolean {
  return kind !== 'falcoFile';
}

/** Whether there are events to score as they happen. */
export function isLive(sources: readonly SourceConfig[]): boolean {
  return sources.some((source) => !isRecorded(source) && source.kind !== 'falcoFile');
}
