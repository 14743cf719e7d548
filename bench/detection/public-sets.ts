import { isBenign, type Trace } from '../../client/events/trace.ts';
import { defaultSyscallDetector } from '../../client/tracks/syscall/detector-names.ts';
import { syscallDetector } from '../../client/tracks/syscall/detectors.ts';
import { evaluate, withoutDuplicates } from '../../client/tracks/syscall/offline/evaluation.ts';
import { learnClusterState, SyscallScorer } from '../../client/tracks/syscall/scoring/scoring.ts';
import { WorkloadClasses } from '../../client/tracks/syscall/traces/workload-classes.ts';
import { partOf, readAll } from '../../lab/data/recorded-traces.ts';
import { publicData } from '../harness/public-data.ts';
import type { Report } from '../harness/report.ts';
import { auc, percent } from './world.ts';

/** Public sets, where they lie beside the checkout. */
export async function publicSets(report: Report): Promise<void> {
  const rows: string[][] = [];
  const judge = (name: string, floor: string, training: readonly Trace[], unseen: readonly Trace[]) => {
    const classes = new WorkloadClasses(new Set(training.map(({ service }) => service)));
    const detector = syscallDetector(defaultSyscallDetector, classes);
    const { weights } = detector.train(detector.init(1), training, { seed: 1, steps: 0 });
    const here = (trace: Trace): Trace => ({ ...trace, cluster: 'here' });
    const clusters = new Map([['here', learnClusterState(detector, weights, training)]]);
    const scorer = new SyscallScorer({ detector, weights, clusters });
    const scored = unseen.map(here).map((trace) => ({ trace, score: scorer.score([trace])[0] as number }));
    scorer.close();
    const [all, distinct] = [evaluate(scored).overall, evaluate(withoutDuplicates(scored)).overall];
    report.record({ case: name, ...all, aucDistinct: distinct.auc });
    rows.push([name, floor, auc(all.auc), percent(all.foundAt5), auc(distinct.auc)]);
  };
  const fhids = publicData('syscalls', 'fhids.tsv.gz');
  const adfa = publicData('syscalls', 'adfa_ld.tsv.gz');
  if (fhids !== undefined) {
    const traces = await readAll(fhids);
    const contents = (hostile: boolean) =>
      new Set(traces.filter((t) => isBenign(t) !== hostile).map((t) => t.calls.join(' ')));
    const [benign, hostile] = [contents(false), contents(true)];
    const clear = traces.filter((t) => !(benign.has(t.calls.join(' ')) && hostile.has(t.calls.join(' '))));
    const isLearnt = (t: Trace) => isBenign(t) && partOf(t.calls) < 7;
    judge(
      'FHIDS, split by content',
      '0.924 (split by line)',
      clear.filter(isLearnt),
      clear.filter((t) => !isLearnt(t)),
    );
  }
  if (adfa !== undefined) {
    const traces = await readAll(adfa, 'i386');
    const isLearnt = (t: Trace) => t.split === 'train';
    judge(
      'ADFA-LD',
      '0.833',
      traces.filter(isLearnt),
      traces.filter((t) => !isLearnt(t)),
    );
  }
  report.text(
    `## Public sets

Measured where \`../shared/data\` holds them; they are not shipped. One place learns, no federation. FHIDS leaves out contents that carry both labels. ADFA-LD has one host and no service, and its labels are per session: below its goal of 0.93, and so is the LSTM language model on it (0.84 after 2,000 steps, measured by hand).`,
  );
  report.table(['set', 'floor (STIDE)', 'AUC', 'found at 5 %', 'AUC without duplicates'], rows);
}
