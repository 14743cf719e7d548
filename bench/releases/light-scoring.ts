/** What a light form (8-bit ONNX) keeps of a model's judgement, and how fast it judges beside its weights and PyTorch. */

import { isBenign, type Trace } from '../../client/events/trace.ts';
import type { JudgingDetector } from '../../client/tracks/detector.ts';
import { areaUnderRoc } from '../../client/tracks/metrics.ts';
import { syscallDetector } from '../../client/tracks/syscall/detectors.ts';
import { lightDetector, writeLightForm } from '../../client/tracks/syscall/light/light-forms.ts';
import { lightWindowNetwork } from '../../client/tracks/syscall/light/window-light.ts';
import { SyscallScorer } from '../../client/tracks/syscall/scoring/scoring.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { autoencoderModel, initialAutoencoder } from '../../client/tracks/syscall/windows/autoencoder.ts';
import { autoencoderSpec } from '../../client/tracks/syscall/windows/autoencoder-spec.ts';
import { windowNetwork } from '../../client/tracks/syscall/windows/window-network.ts';
import type { WindowNetwork } from '../../client/tracks/syscall/windows/window-reader.ts';
import { seededStates } from '../detection/lcg-windows.ts';
import type { BenchOptions } from '../harness/bench.ts';
import { figure, median } from '../harness/measure.ts';
import { findPeers } from '../harness/peers.ts';
import { recordedTraces } from '../harness/recorded-traces.ts';
import type { Report } from '../harness/report.ts';

const aucChangeMax = 0.005;
/** As lstm_torch.py has it. */
const sizes = { window: 20, vocabulary: 350, embedding: 64, hidden: 128 };
const names = ['gram-table', 'lstm-lm'] as const;

export async function lightScoring(options: BenchOptions, report: Report): Promise<void> {
  report.text(`## The light form

A release's 8-bit ONNX file, run by ONNX Runtime on one thread without TensorFlow. Weights alone, no local memory: recorded set, trained on all clusters' training traces. The change of AUC may be at most ${aucChangeMax}, or this benchmark fails.`);
  const traces = await recordedTraces();
  const training = traces.filter(({ split }) => split === 'train').slice(0, options.small ? 60 : undefined);
  const unseen = traces.filter(({ split }) => split !== 'train').filter((_, at) => at % (options.small ? 40 : 2) === 0);
  const classes = new WorkloadClasses(new Set(training.map(({ service }) => service)));
  const rows: string[][] = [];
  for (const name of names) {
    const detector = syscallDetector(name, classes);
    const { weights } = detector.train(detector.init(1), training, { seed: 1, steps: options.small ? 5 : 400 });
    const light = await writeLightForm(detector.spec, weights);
    if (light === undefined) throw new Error(`${name} has no light form`);
    const whole = judged(detector, weights, unseen);
    const small = judged(await lightDetector(detector.spec, light), weights, unseen);
    const change = Math.abs(whole.auc - small.auc);
    if (!(change <= aucChangeMax)) throw new Error(`${name}: the light form changes the AUC by ${change}`);
    report.record({ case: `light ${name}`, bytes: light.byteLength, weightBytes: weights.byteLength, whole, small });
    rows.push([
      name,
      (weights.byteLength / 1e6).toFixed(2),
      (light.byteLength / 1e6).toFixed(2),
      whole.auc.toFixed(4),
      small.auc.toFixed(4),
      figure(whole.rate),
      figure(small.rate),
    ]);
  }
  report.table(
    ['detector', 'weights, MB', 'light, MB', 'AUC, weights', 'AUC, light', 'calls/s per core, weights', 'light'],
    rows,
  );
  await windowsPerCore(options, report);
}

/** One way of judging: its AUC, drift left out, and calls a second of processor time of the whole process. */
function judged(detector: JudgingDetector, weights: Float32Array, unseen: readonly Trace[]) {
  const scorer = new SyscallScorer({ detector, weights, clusters: new Map() });
  const before = process.cpuUsage();
  const scores = scorer.score(unseen);
  const { user, system } = process.cpuUsage(before);
  scorer.close();
  const counted = unseen.map((trace, index) => ({ trace, score: scores[index] as number }));
  const of = (benign: boolean) =>
    counted.filter(({ trace }) => trace.family !== 'drift' && isBenign(trace) === benign).map(({ score }) => score);
  const calls = unseen.reduce((sum, trace) => sum + trace.calls.length, 0);
  return { auc: areaUnderRoc(of(true), of(false)), rate: calls / ((user + system) / 1e6) };
}

/** The autoencoder that PyTorch is measured with: plain inference of distinct windows, nothing remembered. */
async function windowsPerCore(options: BenchOptions, report: Report): Promise<void> {
  const { peers } = options.peers && !options.small ? findPeers() : {};
  const torch = (await peers?.run('lstm_torch.py', ['256', '--threads', '1'])) as
    | Readonly<{ infer: { windowsPerSecond: number } }>
    | undefined;
  const spec = autoencoderSpec(new WorkloadClasses([]), sizes);
  const weights = initialAutoencoder(spec, 1);
  const light = (await writeLightForm(spec, weights)) as Uint8Array;
  const batch = options.small ? 8 : 256;
  const windows = seededStates(batch * sizes.window).map((state) => (state >>> 8) % sizes.vocabulary);
  const [whole, small] = [windowNetwork(autoencoderModel(spec), weights), lightWindowNetwork(sizes.window, light)];
  const apart = meanDistance(whole.surprisal(windows), small.surprisal(windows));
  if (!(apart < 0.05)) throw new Error(`the autoencoder's light form is ${apart} nats a call from its weights`);
  const [ofWhole, ofSmall] = [whole, small].map((network) => windowRate(network, windows, options.small ? 2 : 30));
  const inferred = torch?.infer.windowsPerSecond;
  report.record({
    case: 'light autoencoder',
    wholeWindowsPerCore: ofWhole,
    lightWindowsPerCore: ofSmall,
    torch: inferred,
  });
  report.text(
    `LSTM autoencoder (20, 350, 64, 128), batch ${batch}, windows a second per core: weights in TensorFlow ${figure(ofWhole ?? 0)}, light form ${figure(ofSmall ?? 0)}${inferred === undefined ? '' : `, PyTorch on one thread ${figure(inferred)}`}. Mean distance of the two surprisals: ${apart.toFixed(3)} nats a call.`,
  );
}

function windowRate(network: WindowNetwork, windows: Int32Array, repeats: number): number {
  const seconds: number[] = [];
  for (let repeat = 0; repeat < repeats + 2; repeat++) {
    const before = process.cpuUsage();
    network.surprisal(windows);
    const { user, system } = process.cpuUsage(before);
    if (repeat >= 2) seconds.push((user + system) / 1e6);
  }
  network.close();
  return windows.length / network.window / median(seconds);
}

function meanDistance(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, index) => sum + Math.abs(value - (b[index] as number)), 0) / a.length;
}
