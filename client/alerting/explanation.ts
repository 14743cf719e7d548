import { nameOfCallId } from '../detectors/syscall/vocabulary.ts';
import { argumentClasses as classNames } from '../sources/argument-class.ts';

/** Which calls in which windows carried a score. Positions count calls from the trace's begin. */
export type Explanation = Readonly<{
  windows: readonly Readonly<{ start: number; meanNats: number; calls: readonly string[] }>[];
  calls: readonly Readonly<{ position: number; name: string; nats: number; argument: string }>[];
}>;

const windowLength = 20;
const windowsMax = 3;
const callsMax = 8;

/**
 * The least expected calls and windows of a trace. surprisal: −ln p of each call in nats, shape [calls.length]; calls:
 * vocabulary ids; argumentClasses: see sources/argument-class.ts.
 */
export function explain(calls: Uint16Array, argumentClasses: Uint16Array, surprisal: Float32Array): Explanation {
  const describe = (position: number) => ({
    position,
    name: nameOfCallId(calls[position] ?? 0),
    nats: round(surprisal[position] ?? 0),
    argument: classNames[argumentClasses[position] ?? 0] ?? 'none',
  });
  const positions = [...surprisal.keys()].sort((a, b) => (surprisal[b] ?? 0) - (surprisal[a] ?? 0));
  const windows: { start: number; meanNats: number; calls: string[] }[] = [];
  for (let start = 0; start < calls.length; start += windowLength) {
    const part = surprisal.subarray(start, start + windowLength);
    const meanNats = part.reduce((sum, value) => sum + value, 0) / part.length;
    const names = [...calls.subarray(start, start + windowLength)].map(nameOfCallId);
    windows.push({ start, meanNats: round(meanNats), calls: names });
  }
  windows.sort((a, b) => b.meanNats - a.meanNats);
  return { windows: windows.slice(0, windowsMax), calls: positions.slice(0, callsMax).map(describe) };
}

/** Two or three lines for people. */
export function explanationText({ windows, calls }: Explanation): string {
  const unexpected = calls
    .slice(0, 5)
    .map(({ name, position, argument }) => `${name}${argument === 'none' ? '' : ` (${argument})`} at ${position}`);
  const [worst] = windows;
  const window = worst === undefined ? '' : `; least normal window from ${worst.start}: ${worst.calls.join(' ')}`;
  return `least expected calls: ${unexpected.join(', ')}${window}`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
