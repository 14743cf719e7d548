/**
 * What a kind does with files, without a client: `testudo score`, `evaluate`, `explain`, `model init`, `profile` and
 * `record` ask for it by these names. A kind offers what means something to it; the verbs say who offers the rest.
 *
 * Operations do not print and do not end the process: they return what there is to say. A fault with the code
 * `OPTION_WRONG` says how the command line would be right, and ends the verb as other wrong command lines do. What is heavy
 * (TensorFlow) is loaded by `run`.
 */
import type { Result } from '../../base/fault.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { OpenFileJudge } from './file-judge.ts';
import type { StoredModel } from './model-files.ts';

export type OfflineKind = Readonly<{
  /** Scores a file; answers with a sentence about what was read. `openRates` judges with the rates of workloads, as a client does. */
  score?: Operation<
    Readonly<{ model: StoredModel; input: string; output: string; openRates?: OpenFileJudge | undefined }>,
    string
  >;
  /** Measures a model on labelled files. `complain` hears about lines and files that could not be used, as they come. */
  evaluate?: Operation<
    Readonly<{
      model: StoredModel;
      inputs: readonly string[];
      complain: (line: string) => void;
      openRates?: OpenFileJudge | undefined;
    }>,
    Report
  >;
  /** Says why the observation of this name in a file scored as it did. */
  explain?: Operation<
    Readonly<{ model: StoredModel; name: string; input: string; complain: (line: string) => void }>,
    Report
  >;
  /** What a new track of this kind begins with. `training`: the line of a first policy that says how it is trained. */
  init?: Operation<unknown, ModelStart> & Readonly<{ training: string }>;
  /** Learns from the normal part of files and writes the model as a folder. seed: of the order of examples. */
  train?: Operation<Readonly<{ model: StoredModel; inputs: readonly string[]; output: string; seed: number }>, Report>;
  /** Files of normal behaviour into a baseline, which `loadBaselines` reads. */
  profile?: Operation<Readonly<{ files: readonly string[]; output: string }>, Profiled>;
  /**
   * What there is: who talks to whom about what, of files and of `examples` that a client's buffer holds. `complain` hears
   * what was read.
   */
  map?: Operation<
    Readonly<{ inputs: readonly string[]; examples: readonly unknown[]; complain: (line: string) => void }>,
    Mapped
  >;
  /** Runs a command and writes what it does as a file that `profile` reads. */
  record?: Operation<Readonly<{ command: Command; workload: string; output: string }>, Recorded>;
}>;

export type OperationName = keyof OfflineKind;

export type Operation<Request, Answer, Code extends string = string> = Readonly<{
  /** What it reads and what it writes, for `--help`. */
  about: string;
  options: readonly OfflineOption[];
  run(request: Request & Readonly<{ settings: Settings }>): Promise<Result<Answer, Code>>;
}>;

/** An option of the command line beside those that every kind has. Several kinds may take one with the same flags. */
export type OfflineOption = Readonly<{
  /** Such as "--window <seconds>". */
  flags: string;
  about: string;
  choices?: readonly string[];
  /** What stands in the settings where nothing was said. */
  default?: string;
  /** With what words it is refused where the track is of a kind that does not take it; without, it is passed over. */
  refusedElsewhere?: string;
}>;

/** What was said, by the options' long names in camel case. */
export type Settings = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** For programs (as JSON) and for people. */
export type Report = Readonly<{ detail: unknown; text: string }>;

/** init: the first weights, shape [layout.length]; the same seed gives the same to the bit. */
export type ModelStart = Readonly<{ spec: ModelSpec; init(seed: number): Float32Array }>;

export type Profiled = Readonly<{
  report: Report;
  /** What lines made no sense: "CODE: sentence". The rest is in the baseline; a file that is cut short is a fault. */
  complaints: readonly string[];
  isEmpty: boolean;
}>;

export type Command = readonly [string, ...string[]];

export type Mapped = Readonly<{ report: Report; svg: string }>;

/** exitCode: the command's own. */
export type Recorded = Readonly<{ exitCode: number; text: string }>;
