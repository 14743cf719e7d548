import type { Report } from './report.ts';

/** What one run of a benchmark was asked for. */
export type BenchOptions = Readonly<{
  /** A size that checks the answers and takes seconds: it runs with the tests and keeps no results file. */
  small: boolean;
  /** Run the peers of ../shared/bench/peers in the same run; a peer that is not installed is named and left out. */
  peers: boolean;
  /** Only the cases whose name contains this text. */
  only: string | undefined;
  /** Timed runs of each case, after the checked one. */
  repeat: number;
}>;

/**
 * One benchmark: `bench/<name>.bench.ts` exports it as `bench`, and `node bench/run.ts <name>` runs it. `run` checks
 * each answer before it times anything, throws where an answer is wrong, and hands what it measured to `report`.
 */
export type Bench = Readonly<{
  name: string;
  /** One sentence: what is measured against what. */
  summary: string;
  run(options: BenchOptions, report: Report): Promise<void>;
}>;
