import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type SeededNumbers, shuffled } from '../../base/random.ts';

/** One trace as the sparse input of a linear model: `values[k]` at feature `indices[k]`, unit length; and its class. */
export type Example = Readonly<{ indices: Uint16Array; values: Float64Array; label: number }>;

/** Which service made this trace? `features` counts the bias, which is the last and always 1. */
export type ServiceTask = Readonly<{
  train: readonly Example[];
  test: readonly Example[];
  /** Ten traces of each service that are nobody's to train on, of a cluster that gives none to `train` where there is one. */
  sample: readonly Example[];
  /** Attack traces by family, labelled with the service that they were made in. */
  attacks: ReadonlyMap<string, readonly Example[]>;
  services: readonly string[];
  features: number;
}>;

const bigrams = 256;
const tracesPerService = 120;
const sampledPerService = 10;
const recorded = new URL('../../data/recorded/syscalls.tsv.gz', import.meta.url);

/**
 * The recorded normal traces (data/recorded/README.md): a trace is the logarithm of its counts of the 256 system call
 * pairs that most training traces hold, scaled to unit length. At most 120 training traces of a service are used, so
 * that services weigh about the same. The cluster with the fewest training traces of a service gives its sample.
 */
export function serviceTask(random: SeededNumbers): ServiceTask {
  const lines = gunzipSync(readFileSync(recorded)).toString('utf8').trimEnd().split('\n');
  const all = lines.map(parseLine);
  const traces = all.filter(({ family }) => family === 'normal');
  const services = [...new Set(traces.map(({ service }) => service))].sort();
  const dealt = services.map((service) => dealOut(traces, service, random));
  const train = dealt.flatMap((each) => each.train);
  const vocabulary = mostCommonPairs(train.map(({ calls }) => calls));
  const example = (trace: Trace) => exampleOf(trace, vocabulary, services);
  const families = [...new Set(all.filter(({ split }) => split === 'attack').map(({ family }) => family))].sort();
  return {
    train: train.map(example),
    test: traces.filter(({ split }) => split === 'validation').map(example),
    sample: dealt.flatMap((each) => each.sample).map(example),
    attacks: new Map(
      families.map((name) => [
        name,
        all.filter(({ split, family }) => split === 'attack' && family === name).map(example),
      ]),
    ),
    services,
    features: bigrams + 1,
  };
}

function dealOut(traces: readonly Trace[], service: string, random: SeededNumbers) {
  const own = traces.filter((trace) => trace.split === 'train' && trace.service === service);
  const held = (cluster: string) => own.filter((trace) => trace.cluster === cluster).length;
  const clusters = [...new Set(own.map(({ cluster }) => cluster))].sort(
    (a, b) => held(a) - held(b) || (a < b ? -1 : 1),
  );
  const apart = clusters.length > 1 ? clusters[0] : undefined;
  const order = shuffled(own, random);
  const sample = order.filter(({ cluster }) => apart === undefined || cluster === apart).slice(0, sampledPerService);
  const rest = order.filter((trace) => trace.cluster !== apart && !sample.includes(trace));
  return { sample, train: rest.slice(0, tracesPerService) };
}

type Trace = Readonly<{ split: string; cluster: string; service: string; family: string; calls: readonly string[] }>;

function parseLine(line: string): Trace {
  const [split, cluster, service, family, , calls] = line.split('\t') as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  return { split, cluster, service, family, calls: calls.split(' ') };
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
