import { ok, type Result, refuse } from '../base/fault.ts';
import { decimalOf } from '../base/text/number.ts';
import { type Abi, abis } from '../client/events/vocabulary.ts';
import { type SyscallDetectorName, syscallDetectorNames } from '../client/tracks/syscall/detector-names.ts';
import { type Partition, parsePartition } from '../lab/data/partition.ts';

/** What the main job was asked for. */
export type DemoOptions = Readonly<{
  data: string;
  /** How the data's call numbers are meant. */
  abi: Abi;
  /** undefined: what suits the file. */
  partition: Partition | undefined;
  clusters: number;
  hostile: number;
  rounds: number;
  /** undefined: the policy that a federation starts with. */
  rule: string | undefined;
  detector: SyscallDetectorName;
  /** The track of system calls always runs. */
  tracks: readonly DemoTrack[];
  seed: number;
  out: string;
}>;

export const demoTracks = ['syscall', 'flow'] as const;
export type DemoTrack = (typeof demoTracks)[number];

/** What its flags take, for `--help` and where nothing was said. */
export const demoChoices = {
  detectors: syscallDetectorNames,
  /** Counts in blocks by class: the default policy for tables goes by declared classes and a trusted sample. */
  detector: 'class-table',
  tracks: `${demoTracks[0]}, or ${demoTracks.join(',')}`,
} as const;

export type DemoFlags = Readonly<Record<keyof DemoOptions, string | undefined>>;

const defaults = { clusters: 8, hostile: 2, rounds: 6, seed: 1 } as const;

/** Flags as typed, all problems reported together. */
export function parseOptions(
  flags: DemoFlags,
  places: Readonly<{ data: string; detector: SyscallDetectorName }>,
): Result<DemoOptions, 'USAGE'> {
  const problems: string[] = [];
  const whole = (name: keyof typeof defaults, min: number, max: number) => {
    const text = flags[name];
    const value = text === undefined ? defaults[name] : decimalOf(text);
    if (!Number.isInteger(value) || value < min || value > max) {
      problems.push(`--${name}: expected a whole number from ${min} to ${max}, got ${JSON.stringify(text)}`);
    }
    return value;
  };
  const clusters = whole('clusters', 1, 64);
  const hostile = whole('hostile', 0, 63);
  if (hostile >= clusters) problems.push(`--hostile: ${hostile} of ${clusters} clusters leaves nobody honest`);
  const detector = flags.detector ?? places.detector;
  if (!isDetector(detector))
    problems.push(`--detector: expected ${syscallDetectorNames.join(' or ')}, got ${detector}`);
  const abi = abis.find((one) => one === (flags.abi ?? abis[0]));
  if (abi === undefined) problems.push(`--abi: expected ${abis.join(' or ')}, got ${flags.abi}`);
  let partition: Partition | undefined;
  try {
    partition = flags.partition === undefined ? undefined : parsePartition(flags.partition);
  } catch (error) {
    problems.push(`--${(error as Error).message}`);
  }
  const tracks = (flags.tracks ?? demoTracks.join(',')).split(',');
  if (!tracks.includes('syscall') || !tracks.every((one) => (demoTracks as readonly string[]).includes(one))) {
    problems.push(`--tracks: expected syscall or ${demoTracks.join(',')}, got ${flags.tracks}`);
  }
  const rounds = whole('rounds', 1, 1_000);
  const seed = whole('seed', 0, 2 ** 31 - 1);
  if (problems.length > 0) return refuse('USAGE', problems.join('\n'));
  return ok({
    data: flags.data ?? places.data,
    abi: abi as Abi,
    partition,
    clusters,
    hostile,
    rounds,
    rule: flags.rule,
    detector: detector as SyscallDetectorName,
    tracks: demoTracks.filter((one) => tracks.includes(one)),
    seed,
    out: flags.out ?? 'out',
  });
}

function isDetector(name: string): name is SyscallDetectorName {
  return (syscallDetectorNames as readonly string[]).includes(name);
}
