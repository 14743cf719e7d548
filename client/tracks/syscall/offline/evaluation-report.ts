import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { table } from '../../../../base/text/table.ts';
import { readTraceFile, type TraceFileOptions } from '../../../recordings/trace-file.ts';
import type { Report } from '../../offline-kind.ts';
import type { SyscallScorer } from '../scoring/scoring.ts';
import { type Evaluation, evaluate, type Labelled, type Quality, withoutDuplicates } from './evaluation.ts';

/** Scores labelled files and says how well that tells hostile from benign, with repeats and without.
 * Files without a trace that counts are refused. */
export async function evaluateTraceFiles(
  scorer: SyscallScorer,
  files: readonly string[],
  options: TraceFileOptions,
  complain: (line: string) => void,
): Promise<Result<Report, 'INPUT_UNREADABLE'>> {
  const scored: Labelled[] = [];
  for (const file of files) {
    for await (const item of readTraceFile(file, options)) {
      if (item.kind === 'trace') scored.push({ trace: item.trace, score: scorer.score([item.trace])[0] ?? 0 });
      else complain(`${file}: ${item.fault.message}`);
    }
  }
  const all = evaluate(scored);
  if (all.overall.benign + all.overall.hostile + all.drift === 0) {
    const seen =
      scored.length === 0 ? 'no trace' : `only traces of the split "train" (${scored.length}), which do not count`;
    return refuse(
      'INPUT_UNREADABLE',
      `${files.join(', ')}: ${seen}, so nothing was measured; name labelled trace files`,
    );
  }
  const { benign, hostile } = all.overall;
  if (benign === 0 || hostile === 0) {
    const seen = `${benign} normal and ${hostile} hostile traces that count`;
    return refuse('INPUT_UNREADABLE', `${files.join(', ')}: ${seen}: without both there is nothing to tell apart`);
  }
  const distinct = evaluate(withoutDuplicates(scored));
  return ok({ detail: { all, withoutDuplicates: distinct }, text: tables(all, distinct) });
}

function tables(all: Evaluation, distinct: Evaluation): string {
  const overall = [
    { name: 'all traces', ...all.overall },
    { name: 'all, drift counted as benign', ...all.withDrift },
    { name: 'distinct contents', ...distinct.overall },
  ];
  const runs = `intrusions found at 5 % and 1 % false alarms: ${percent(all.runs.foundAt5)}, ${percent(all.runs.foundAt1)} of ${all.runs.count}`;
  const drift = `drift traces alarmed at 5 %: ${percent(all.driftAlarms)} of ${all.drift}`;
  const parts = [
    qualityTable('', overall),
    `${runs}\n${drift}`,
    qualityTable('family', named(all.byFamily)),
    qualityTable('cluster', named(all.byCluster)),
    qualityTable('service', named(all.byService)),
  ];
  return parts.join('\n\n');
}

function qualityTable(title: string, rows: readonly Readonly<{ name: string } & Quality>[]): string {
  return table(rows, [
    { title: title.toUpperCase(), text: ({ name }) => name },
    { title: 'BENIGN', text: ({ benign }) => String(benign), align: 'right' },
    { title: 'HOSTILE', text: ({ hostile }) => String(hostile), align: 'right' },
    { title: 'AUC', text: ({ auc }) => (Number.isNaN(auc) ? '-' : auc.toFixed(4)), align: 'right' },
    { title: 'FOUND AT 5 %', text: ({ foundAt5 }) => percent(foundAt5), align: 'right' },
    { title: 'FOUND AT 1 %', text: ({ foundAt1 }) => percent(foundAt1), align: 'right' },
  ]);
}

function named(groups: Readonly<Record<string, Quality>>) {
  return Object.entries(groups).map(([name, quality]) => ({ name, ...quality }));
}

function percent(share: number): string {
  return Number.isNaN(share) ? '-' : `${(share * 100).toFixed(1)} %`;
}
