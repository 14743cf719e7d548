import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { instantText } from '../../../../base/text/instant-text.ts';
import type { StoredModel } from '../../model-files.ts';
import type { Report } from '../../offline-kind.ts';
import { lineOf, writeLines } from '../../score-lines.ts';
import type { ApiCall, ApiExample } from '../example.ts';
import { ApiJudge } from '../judge/api-judge.ts';
import { evidenceArchitecture, evidenceSlots } from '../memory/evidence-table.ts';
import type { ApiChain } from '../requests/chain.ts';
import { type ApiFile, readApiChains, sentenceOf } from './api-files.ts';
import { Baselines } from './baselines.ts';
import { evaluateChains, evaluationText, type JudgedChain, kindOf } from './evaluation.ts';

export type ApiJudging = Readonly<{
  model: StoredModel;
  /** Whose rows, where a file holds several clusters; "CLUSTER/PHASE" of the recorded requests. */
  part: string | undefined;
  /** Normal requests of the same cluster that the local memory learns first, and their part. */
  normal: Readonly<{ path: string; part: string | undefined }> | undefined;
}>;

type FaultCode = 'INPUT_UNREADABLE' | 'MODEL_UNKNOWN';
type Opened = Readonly<{ judge: ApiJudge; normal: readonly ApiExample[] }>;

export async function scoreApiFile(
  judging: ApiJudging,
  { input, output }: Readonly<{ input: string; output: string }>,
): Promise<Result<string, FaultCode | 'OUTPUT_UNWRITABLE'>> {
  const file = await readApiChains(input, judging.part);
  if (!file.ok) return file;
  const opened = await open(judging);
  if (!opened.ok) return opened;
  const { judge } = opened.value;
  const written = await writeLines(scoreLines(judge, file.value.chains), output);
  return written.ok ? ok(`${sentenceOf(file.value.read)}; all scored`) : written;
}

/** `start TAB caller TAB service TAB method TAB template TAB status TAB calls of the chain TAB score`; start in UTC. */
function* scoreLines(judge: ApiJudge, chains: readonly ApiChain[]): Generator<string> {
  for (const { example, firstMs } of chains) {
    const [placed] = judge.score([example]);
    const { caller, server, method, route, status } = example.calls[0] as ApiCall;
    const score = placed?.scores[0]?.toFixed(4) ?? '';
    const fields = [caller || '-', server, method, route, String(status), String(example.calls.length), score];
    yield lineOf([instantText(firstMs), ...fields]);
  }
}

export async function evaluateApiFiles(
  judging: ApiJudging,
  inputs: readonly string[],
  complain: (line: string) => void,
): Promise<Result<Report, FaultCode>> {
  const files: ApiFile[] = [];
  for (const path of inputs) {
    const file = await readApiChains(path, judging.part);
    if (!file.ok) return file;
    complain(`${path}: ${sentenceOf(file.value.read)}`);
    files.push(file.value);
  }
  const opened = await open(judging);
  if (!opened.ok) return opened;
  const { judge, normal } = opened.value;
  const baselines = new Baselines(normal);
  const judged = files.flatMap(({ chains }) =>
    chains.map(({ example, labels }): JudgedChain => {
      const score = judge.score([example])[0]?.scores[0] as number;
      return { labels, score, baselines: baselines.score(example) };
    }),
  );
  const evaluation = evaluateChains(judged);
  const { benign, hostile } = evaluation.overall;
  if (benign === 0 || hostile === 0) {
    const message = `${inputs.join(', ')}: ${benign} normal and ${hostile} hostile chains: both are needed to measure anything`;
    return refuse('INPUT_UNREADABLE', message);
  }
  return ok({ detail: evaluation, text: evaluationText(evaluation) });
}

/** The chain whose request has this id, or whose root begins with it. */
export async function explainApiChain(
  judging: ApiJudging,
  { name, input }: Readonly<{ name: string; input: string }>,
): Promise<Result<Report, FaultCode>> {
  const file = await readApiChains(input, judging.part);
  if (!file.ok) return file;
  const at = file.value.chains.findIndex(({ identity }) => identity === name || identity.startsWith(`${name} `));
  const chain = file.value.chains[at];
  if (chain === undefined) return refuse('INPUT_UNREADABLE', `${input} holds no request with the id ${name}`);
  const opened = await open(judging);
  if (!opened.ok) return opened;
  const { judge } = opened.value;
  // What came before it has a bearing on what it is.
  judge.score(file.value.chains.slice(0, at).map(({ example }) => example));
  const explanation = judge.explain(chain.example);
  const score = judge.score([chain.example])[0]?.scores[0] as number;
  return ok({ detail: { score, ...explanation.detail }, text: `score ${score.toFixed(4)}\n${explanation.text}` });
}

async function open({ model, normal: wanted }: ApiJudging): Promise<Result<Opened, FaultCode>> {
  const { spec, weights, where } = model;
  if (spec.architecture !== evidenceArchitecture) {
    return refuse('MODEL_UNKNOWN', `${where}: ${spec.architecture} is not ${evidenceArchitecture}`);
  }
  try {
    evidenceSlots(spec);
  } catch (error) {
    return refuse('MODEL_UNKNOWN', `${where}: ${(error as Error).message}`);
  }
  if (wanted === undefined) return ok({ judge: new ApiJudge(spec, weights, []), normal: [] });
  const file = await readApiChains(wanted.path, wanted.part);
  if (!file.ok) return file;
  // A file of normal requests may carry labels all the same: what is hostile is not learnt.
  const normal = file.value.chains.filter((chain) => kindOf(chain) === 'normal').map(({ example }) => example);
  if (normal.length === 0) {
    return refuse('INPUT_UNREADABLE', `${wanted.path}: ${sentenceOf(file.value.read)}: none of them is normal`);
  }
  return ok({ judge: new ApiJudge(spec, weights, normal), normal });
}
