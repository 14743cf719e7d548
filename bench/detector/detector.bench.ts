import { tf } from '#tensorflow';
import type { Trace } from '../../client/events/trace.ts';
import { vocabulary } from '../../client/events/vocabulary.ts';
import type { OpenDetector } from '../../client/tracks/detector.ts';
import { FlatTrainer } from '../../client/tracks/neural/flat-trainer.ts';
import { syscallDetector } from '../../client/tracks/syscall/detectors.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { autoencoderModel, initialAutoencoder } from '../../client/tracks/syscall/windows/autoencoder.ts';
import { autoencoderSpec } from '../../client/tracks/syscall/windows/autoencoder-spec.ts';
import { windowNetwork } from '../../client/tracks/syscall/windows/window-network.ts';
import { WindowReader } from '../../client/tracks/syscall/windows/window-reader.ts';
import { seededStates } from '../detection/lcg-windows.ts';
import type { Bench, BenchOptions } from '../harness/bench.ts';
import { figure, median } from '../harness/measure.ts';
import { findPeers } from '../harness/peers.ts';
import { recordedTraces } from '../harness/recorded-traces.ts';
import type { Report } from '../harness/report.ts';

export const bench: Bench = {
  name: 'detector',
  summary:
    'Speed and memory of the syscall detectors: LSTM autoencoder training in windows a second beside PyTorch, scoring of real traces in calls a second, memory over 1,000 steps.',
  run,
};

/** As lstm_torch.py has it: window 20, vocabulary 350, embedding 64, hidden 128; 297,950 weights. */
const sizes = { window: 20, vocabulary: 350, embedding: 64, hidden: 128 };
const spec = autoencoderSpec(new WorkloadClasses([]), sizes);
const model = autoencoderModel(spec);
/** The same network over our vocabulary, which is a little larger, for real traces. */
const wholeSpec = autoencoderSpec(new WorkloadClasses([]), { ...sizes, vocabulary: vocabulary.length });

async function run(options: BenchOptions, report: Report): Promise<void> {
  const { peers, missing } = options.peers && !options.small ? findPeers() : { missing: 'asked for by --peers' };
  report.text(`## Training, LSTM autoencoder (20, 350, 64, 128)

Adam, softmax cross-entropy, the same ids. Medians; peers run in turn with us${missing === undefined ? '' : `; PyTorch left out: ${missing}`}.`);
  const rows: string[][] = [];
  for (const batch of options.small ? [8] : [64, 256]) {
    const ours = trainingRate(batch, options.small ? 2 : 10 * options.repeat);
    const torch = peers && ((await peers.run('lstm_torch.py', [String(batch)])) as unknown as TorchLine);
    const again = options.small ? ours : trainingRate(batch, 10 * options.repeat);
    const rate = (ours + again) / 2;
    report.record({ case: `train batch=${batch}`, windowsPerSecond: rate, torch: torch?.train.windowsPerSecond });
    const ratio = torch && rate / torch.train.windowsPerSecond;
    rows.push([
      String(batch),
      figure(rate),
      torch ? figure(torch.train.windowsPerSecond) : '–',
      ratio ? ratio.toFixed(2) : '–',
    ]);
    if (torch) torchInference.push(torch.infer.windowsPerSecond);
  }
  report.table(['batch', 'Testudo, windows/s', 'PyTorch, windows/s', 'ratio'], rows);
  await scoring(options, report);
  memory(options, report);
}

type TorchLine = Readonly<{ train: { windowsPerSecond: number }; infer: { windowsPerSecond: number } }>;
const torchInference: number[] = [];

function trainingRate(batch: number, steps: number): number {
  const windows = seededStates(batch * sizes.window).map((state) => (state >>> 8) % sizes.vocabulary);
  const trainer = new FlatTrainer(spec, initialAutoencoder(spec, 1));
  const losses: number[] = [];
  const seconds: number[] = [];
  for (let step = 0; step < steps + 3; step++) {
    const started = performance.now();
    losses.push(trainer.step((parameters) => model.loss(parameters, windows, 0), { learningRate: 1e-3 }));
    if (step >= 3) seconds.push((performance.now() - started) / 1e3);
  }
  trainer.close();
  if (!((losses.at(-1) ?? Number.NaN) < (losses[0] ?? 0))) throw new Error('the loss must fall while it is timed');
  return batch / median(seconds);
}

async function scoring(options: BenchOptions, report: Report): Promise<void> {
  const traces = (await recordedTraces())
    .filter(({ split }) => split === 'validation')
    .slice(0, options.small ? 20 : 700);
  const classes = new WorkloadClasses(new Set(traces.map(({ service }) => service)));
  const table = syscallDetector('gram-table', classes);
  const learnt = table.train(table.init(1), traces.slice(0, 100), { seed: 1, steps: 0 }).weights;
  const language = syscallDetector('lstm-lm', classes);
  const autoencoder = (windowsMax: number) =>
    new WindowReader(windowNetwork(autoencoderModel(wholeSpec), initialAutoencoder(wholeSpec, 1)), 1, windowsMax);
  const withMemory = autoencoder(200_000);
  const few = traces.slice(0, options.small ? 3 : 60); // Without memory every window is computed: a part is enough.
  const calls = (some: readonly Trace[]) => some.reduce((sum, trace) => sum + trace.calls.length, 0);
  const inferred = torchInference[torchInference.length - 1];
  report.text(`## Scoring of real traces

Validation traces of the recorded set, ${calls(traces)} calls, in processor seconds of the whole process, so per core. The autoencoder reads overlapping windows of 20 with stride 1, one new window per call, and remembers distinct windows exactly.${inferred === undefined ? '' : ` PyTorch's plain inference, one window per call, does ${figure(inferred)} windows/s on two cores.`}`);
  const rows: string[][] = [];
  const measure = (name: string, detector: OpenDetector, some: readonly Trace[], hitRate?: () => number) => {
    const rate = callsPerCoreSecond(detector, some, calls(some));
    detector.close();
    const hits = hitRate?.();
    report.record({ case: `score ${name}`, callsPerCoreSecond: rate, hitRate: hits });
    rows.push([name, figure(rate), hits === undefined ? '–' : `${(hits * 100).toFixed(1)} %`]);
  };
  measure('gram table (the default)', table.open(learnt), traces);
  measure('LSTM language model', language.open(language.init(1)), traces);
  measure('LSTM autoencoder, stride 1, remembered windows', withMemory, traces, () => {
    const { hits, misses } = withMemory.memory;
    return hits / (hits + misses);
  });
  measure('LSTM autoencoder, stride 1, every window computed', autoencoder(0), few);
  report.table(['detector', 'calls/s per core', 'windows found in memory'], rows);
}

function callsPerCoreSecond(detector: OpenDetector, traces: readonly Trace[], calls: number): number {
  const before = process.cpuUsage();
  const surprisal = detector.surprisal(traces);
  const { user, system } = process.cpuUsage(before);
  if (!surprisal.every((values) => values.every(Number.isFinite))) throw new Error('a surprisal is not a number');
  return calls / ((user + system) / 1e6);
}

function memory(options: BenchOptions, report: Report): void {
  const steps = options.small ? 4 : 1_000;
  const windows = seededStates(64 * sizes.window).map((state) => (state >>> 8) % sizes.vocabulary);
  const trainer = new FlatTrainer(spec, initialAutoencoder(spec, 1));
  const step = () => trainer.step((parameters) => model.loss(parameters, windows, 0), { learningRate: 1e-4 });
  for (let warm = 0; warm < Math.min(100, steps); warm++) step();
  const [tensors, rss] = [tf.memory().numTensors, process.memoryUsage.rss()];
  let peak = rss;
  for (let done = 0; done < steps; done++) {
    step();
    if (done % 50 === 0) peak = Math.max(peak, process.memoryUsage.rss());
  }
  const grown = tf.memory().numTensors - tensors;
  trainer.close();
  if (grown !== 0) throw new Error(`${grown} tensors were left behind by ${steps} steps`);
  const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);
  report.record({
    case: `memory ${steps} steps`,
    startMiB: mebibytes(rss),
    peakMiB: mebibytes(peak),
    tensorsGrown: grown,
  });
  report.text(
    `## Memory

Over ${steps} training steps at batch 64, after ${Math.min(100, steps)} to warm up: resident ${mebibytes(rss)} MiB at the start, ${mebibytes(peak)} MiB at most, tensors left behind: ${grown}. The whole benchmark, its data included, runs in that process.`,
  );
}
