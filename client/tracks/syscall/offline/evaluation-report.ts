import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { readTraceFile, type TraceFileOptions } from '../../../recordings/trace-file.ts';
import { type RatedQuality, ratedText } from '../../minutes.ts';
import type { Report } from '../../offline-kind.ts';
import { namedRows, percentText, qualityTable } from '../../quality.ts';
import type { SyscallScorer } from '../scoring/scoring.ts';
import { type Evaluation, evaluate, type Labelled, withoutDuplicates } from './evaluation.ts';
import { noTimes, type Rating, rateTraces } from './rated-traces.ts';

/** Scores labelled files and says how well that tells hostile from benign, with repeats and without.
 * Files without a trace that counts are refused. */
export async function evaluateTraceFiles(
  scorer: SyscallScorer,
  files: readonly string[],
  options: TraceFileOptions,
  complain: (line: string) => void,
  rating?: Rating,
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
  const rated = rating === undefined ? ok(undefined) : await rateTraces(scorer, scored, rating);
  if (!rated.ok) return rated;
  if (rating !== undefined && rated.value === undefined) complain(`${files.join(', ')}: ${noTimes}`);
  const rates = rated.value?.quality();
  return ok({
    detail: { all, withoutDuplicates: distinct, ...(rates && { rates }) },
    text: tables(all, distinct, rates),
  });
}

function tables(all: Evaluation, distinct: Evaluation, rates: RatedQuality | undefined): string {
  const overall = [
    { name: 'all traces', ...all.overall },
    ...(rates === undefined ? [] : [{ name: 'traces with times, with rates', ...rates.overall }]),
    { name: 'all, drift counted as benign', ...all.withDrift },
    { name: 'distinct contents', ...distinct.overall },
  ];
  const runs = `intrusions found at 5 % and 1 % false alarms: ${percentText(all.runs.foundAt5)}, ${percentText(all.runs.foundAt1)} of ${all.runs.count}`;
  const drift = `drift traces alarmed at 5 %: ${percentText(all.driftAlarms)} of ${all.drift}`;
  const parts = [
    qualityTable('', overall),
    `${runs}\n${drift}`,
    qualityTable('family', namedRows(all.byFamily)),
    qualityTable('cluster', namedRows(all.byCluster)),
    qualityTable('service', namedRows(all.byService)),
    ...(rates === undefined ? [] : [qualityTable('family, with rates', namedRows(rates.byFamily)), ratedText(rates)]),
  ];
  return parts.join('\n\n');
}
