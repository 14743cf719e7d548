import { type Profiler, Session } from 'node:inspector';

/**
 * Which branches of the sources have run, by V8's own count of blocks. A count costs milliseconds whatever ran in between: ask
 * after many inputs, then after each of those among which something was new.
 */
export class BranchCoverage {
  readonly #session = new Session();
  readonly #counts: (url: string) => boolean;
  /** For each function, by script and place, one byte for each character of it: 1 where it has run. */
  #reached = new Map<string, Uint8Array>();

  /** `counts`: whether a script's branches are of interest, by its URL. */
  constructor(counts: (url: string) => boolean) {
    this.#counts = counts;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Whether anything has run since the last question that never ran before. `remember` makes it known. */
  anythingNew({ remember }: Readonly<{ remember: boolean }>): boolean {
    let isNew = false;
    for (const { scriptId, url, functions } of this.#taken()) {
      if (!this.#counts(url)) continue;
      for (const { ranges } of functions) {
        const [whole] = ranges;
        if (whole === undefined || whole.count === 0) continue;
        const now = paint(ranges);
        const key = `${scriptId}:${whole.startOffset}:${whole.endOffset}`;
        const before = this.#reached.get(key);
        if (before !== undefined && !now.some((ran, at) => ran > (before[at] as number))) continue;
        isNew = true;
        if (!remember) return true;
        this.#reached.set(key, before === undefined ? now : now.map((ran, at) => ran | (before[at] as number)));
      }
    }
    return isNew;
  }

  /** As if nothing had run. */
  forget(): void {
    this.#taken();
    this.#reached = new Map();
  }

  close(): void {
    this.#session.post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }

  #taken(): readonly Profiler.ScriptCoverage[] {
    let taken: Profiler.TakePreciseCoverageReturnType | undefined;
    // Within one process the answer comes before `post` returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error === null) taken = answer;
    });
    if (taken === undefined) throw new Error('coverage: V8 gave no answer');
    return taken.result;
  }
}

/** Outer ranges come before those within them. */
function paint(ranges: readonly Profiler.CoverageRange[]): Uint8Array {
  const [{ startOffset, endOffset }] = ranges as readonly [Profiler.CoverageRange];
  const ran = new Uint8Array(endOffset - startOffset);
  for (const range of ranges) {
    ran.fill(range.count > 0 ? 1 : 0, range.startOffset - startOffset, range.endOffset - startOffset);
  }
  return ran;
}
