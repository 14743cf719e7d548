import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type SeededNumbers, shuffled } from '../../base/random.ts';

/** One trace as the sparse input of a linear model: `values[k]` at feature `indices[k]`, unit length; and its class. */
export type Example = Readonly<{ indices: Uint16Array; values: Float64Array; label: number }>;

/** Which service made this trace? `features` counts the bias, which is the last and always 1. */
export type ServiceTask = Readonly<{
  train: readonly Example[];
  test: readonly Example[];
  services: readonly string[];
  features: number;
}>;

const bigrams = 256;
const tracesPerService = 120;
const recorded = new URL('../../data/recorded/syscalls.tsv.gz', import.meta.url);

/**
 * The recorded normal traces (data/recorded/README.md): a trace is the logarithm of its counts of the 256 system call
 * pairs that most training traces hold, scaled to unit length. At most 120 training traces of a service are used, so
 * that services weigh about the same.
 */
export function serviceTask(random: SeededNumbers): ServiceTask {
  const lines = gunzipSync(readFileSync(recorded)).toString('utf8').trimEnd().split('\n');
  const traces = lines.map(parseLine).filter(({ family }) => family === 'normal');
  const services = [...new Set(traces.map(({ service }) => service))].sort();
  const train = services.flatMap((service) =>
    shuffled(
      traces.filter((trace) => trace.split === 'train' && trace.service === service),
      random,
    ).slice(0, tracesPerService),
  );
  const vocabulary = mostCommonPairs(train.map(({ calls }) => calls));
  const example = (trace: Trace) => exampleOf(trace, vocabulary, services);
  return {
    train: train.map(example),
    test: traces.filter(({ split }) => split === 'validation').map(example),
    services,
    features: bigrams + 1,
  };
}

type Trace = Readonly<{ split: string; service: string; family: string; calls: readonly string[] }>;

function parseLine(line: string): Trace {
  const [split, , service, family, , calls] = line.split('\t') as [string, string, string, string, string, string];
  return { split, service, family, calls: calls.split(' ') };
}

function pairsOf(calls: readonly string[]): string[] {
  return calls.slice(1).map((call, at) => `${calls[at]} ${call}`);
}

function mostCommonPairs(traces: readonly (readonly string[])[]): ReadonlyMap<string, number> {
  const holders = new Map<string, number>();
  for (const calls of traces) {
    for (const pair of new Set(pairsOf(calls))) holders.set(pair, (holders.get(pair) ?? 0) + 1);
  }
  const ranked = [...holders].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return new Map(ranked.slice(0, bigrams).map(([pair], index) => [pair, index]));
}

function exampleOf(trace: Trace, vocabulary: ReadonlyMap<string, number>, services: readonly string[]): Example {
  const counts = new Map<number, number>();
  for (const pair of pairsOf(trace.calls)) {
    const index = vocabulary.get(pair);
    if (index !== undefined) counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  const logs = [...counts].map(([index, count]) => [index, Math.log1p(count)] as const);
  const length = Math.sqrt(logs.reduce((sum, [, value]) => sum + value * value, 0)) || 1;
  return {
    indices: Uint16Array.from([...logs.map(([index]) => index), bigrams]),
    values: Float64Array.from([...logs.map(([, value]) => value / length), 1]),
    label: services.indexOf(trace.service),
  };
}
