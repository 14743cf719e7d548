import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { Days } from './run.ts';
import { added, nothing, type Sum } from './sum.ts';

/** So many days are given at once, at most: some seconds of work, so that all end at about the same time. */
const atOnceMax = 50;
/** Fewer days than this are not worth a process of their own, which takes a second to start and some more until it is fast. */
const daysMin = 100;

/** What a simulation leaves behind lives as long as its day: with room for that young memory is tidied up half as often. */
const flags = ['--disable-warning=ExperimentalWarning', '--min-semi-space-size=64', '--max-semi-space-size=64'];

/** How many processes so many days are worth here. */
export function processesFor(days: number): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(days / daysMin)));
}

/**
 * Days in so many processes, each of which takes the next ones when it is done: lines of broken ones come as they are found. `isOver`:
 * asked before more are given. Gives what was run: from the first on, without a gap.
 */
export async function spread(
  { from, to, step }: Days,
  processes: number,
  write: (line: string) => void,
  isOver: () => boolean = () => false,
): Promise<Sum> {
  const days = Math.floor((to - from) / step) + 1;
  const atOnce = Math.max(1, Math.min(atOnceMax, Math.ceil(days / (4 * processes))));
  let next = from;
  let sum = nothing;
  const take = (): Days | undefined => {
    if (next > to || isOver()) return undefined;
    const piece = { from: next, to: Math.min(to, next + (atOnce - 1) * step), step };
    next += atOnce * step;
    return piece;
  };
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const child = fork(new URL('./days-process.ts', import.meta.url), { execArgv: flags });
      const goOn = () => {
        const piece = take();
        if (piece === undefined) child.disconnect();
        else child.send(piece);
      };
      child.on('message', (told: { lines: readonly string[]; sum: Sum }) => {
        for (const line of told.lines) write(line);
        sum = added(sum, told.sum);
        goOn();
      });
      child.once('error', reject);
      child.once('exit', (code, signal) =>
        code === 0 ? resolve() : reject(new Error(`a process of simulated days ended with ${code ?? signal}`)),
      );
      goOn();
    });
  await Promise.all(Array.from({ length: processes }, one));
  return sum;
}
