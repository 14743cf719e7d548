import type { IntakeSource, SourceIntake } from '../../../events/intake.ts';
import type { ProcessIdentity, SourceItem } from '../../../events/source-item.ts';
import { type AssembledTrace, type AssemblerOptions, TraceAssembler } from './trace-assembler.ts';

/** A source's clock that goes back further than this between two calls of one thread is reported. */
const clockJumpMs = 60_000;

/** One source's system calls, put together thread by thread; recorded traces as they are. */
export class CallIntake implements SourceIntake<AssembledTrace> {
  readonly #source: IntakeSource;
  readonly #assembler: TraceAssembler;
  readonly #lastMs = new Map<string, number>();

  constructor(source: IntakeSource, options?: AssemblerOptions) {
    this.#source = source;
    this.#assembler = new TraceAssembler(options);
  }

  push(item: SourceItem, order: number, nowMs: number): readonly AssembledTrace[] {
    switch (item.kind) {
      case 'call':
        this.#watchClock(item.thread, item.atMs);
        return this.#assembler.push(item, order, nowMs);
      case 'end':
        this.#lastMs.delete(item.thread);
        return this.#assembler.end(item.thread);
      case 'trace':
        return [recordedTrace(item, order)];
      default:
        return [];
    }
  }

  expire(nowMs: number): readonly AssembledTrace[] {
    return this.#assembler.expire(nowMs);
  }

  flush(): readonly AssembledTrace[] {
    return this.#assembler.flush();
  }

  oldest(): number | undefined {
    return this.#assembler.oldest();
  }

  #watchClock(thread: string, atMs: number): void {
    const before = this.#lastMs.get(thread);
    if (before !== undefined && atMs !== 0 && before - atMs > clockJumpMs) this.#source.skipped('CLOCK_JUMP', thread);
    // Threads whose end nobody saw must not add up.
    if (before === undefined && this.#lastMs.size > 2 * this.#assembler.openCount + 1_000) this.#lastMs.clear();
    this.#lastMs.set(thread, atMs);
  }
}

const nobody: Omit<ProcessIdentity, 'workloadClass'> = {
  node: '',
  namespace: '',
  workload: '',
  pod: '',
  container: '',
  binary: '',
  pid: 0,
};

function recordedTrace(item: Extract<SourceItem, { kind: 'trace' }>, order: number): AssembledTrace {
  return {
    thread: item.name,
    process: { ...nobody, workloadClass: item.workloadClass },
    calls: item.calls,
    argumentClasses: new Uint16Array(item.calls.length),
    firstMs: 0,
    lastMs: 0,
    piece: 0,
    began: order,
  };
}
