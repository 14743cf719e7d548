import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { isBenign, type Trace } from '../../../events/trace.ts';
import { readTraceFile, type TraceFileOptions } from '../../../recordings/trace-file.ts';
import type { Report } from '../../offline-kind.ts';
import { explainTrace, explanationText, normalWindows } from '../scoring/explain.ts';
import { explainViews, judgedText } from '../scoring/explain-views.ts';
import type { SyscallScorer } from '../scoring/scoring.ts';

/** Normal traces that an explanation compares with. */
const usualMax = 500;

/** Why the first trace of this name in `input` scored as it did, beside normal traces of its service in `normal`. */
export async function explainTraceOf(
  scorer: SyscallScorer,
  name: string,
  { input, normal, ...options }: TraceFileOptions & Readonly<{ input: string; normal: string }>,
  complain: (line: string) => void,
): Promise<Result<Report, 'TRACE_NOT_FOUND'>> {
  let wanted: Trace | undefined;
  for await (const item of readTraceFile(input, options)) {
    if (item.kind === 'broken') complain(item.fault.message);
    if (item.kind === 'trace' && item.trace.name === name && item.trace.calls.length > 0) wanted ??= item.trace;
  }
  if (wanted === undefined) return refuse('TRACE_NOT_FOUND', `${input} holds no trace named ${name} with calls`);
  const trace = wanted;
  const usual: Uint16Array[] = [];
  for await (const item of readTraceFile(normal, options)) {
    if (item.kind !== 'trace' || item.trace.service !== trace.service || !isBenign(item.trace)) continue;
    if (item.trace.name !== name && usual.length < usualMax) usual.push(item.trace.calls);
  }
  const service = scorer.judgedAs(trace);
  const judged = { ...trace, service };
  const surprisalOf = (calls: Uint16Array) => scorer.surprisal({ ...judged, calls });
  const explanation = explainTrace(trace.calls, surprisalOf, normalWindows(usual));
  const score = scorer.score([trace])[0] as number;
  const views = explainViews(scorer, judged);
  return ok({
    detail: { name, cluster: trace.cluster, service: trace.service, score, ...explanation, ...views.detail },
    text: [
      `${name} (${trace.service}): score ${score.toFixed(3)}`,
      ...judgedText(trace.service, service),
      explanationText(explanation),
      ...views.texts,
    ].join('\n'),
  });
}
