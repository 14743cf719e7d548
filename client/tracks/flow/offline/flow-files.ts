/** Scoring and measuring of recorded flows with a stored model. Loads TensorFlow. */
import { ok, type Result, refuse } from '../../../../base/fault.ts';
import { unknownHeader } from '../../../recordings/layouts/unknown-header.ts';
import type { FileJudge } from '../../file-judge.ts';
import { minuteLine } from '../../minutes.ts';
import type { ModelFolderFaultCode, StoredModel } from '../../model-files.ts';
import type { Report } from '../../offline-kind.ts';
import { writeLines } from '../../score-lines.ts';
import { flowModelOf } from '../flow-model-folder.ts';
import type { FlowScorer } from '../flow-scorer.ts';
import type { NamedSlice } from '../graph/slice.ts';
import { LinkReader } from '../link/link-reader.ts';
import { evaluationText } from './evaluation-text.ts';
import { evaluateEdges, type JudgedEdge, judgeEdges } from './flow-evaluation.ts';
import { type FlowScoreUnit, flowScoreLines, openFlowModel } from './flow-scores.ts';
import {
  type FlowFile,
  type FlowFileFaultCode,
  type FlowFileOptions,
  normalPart,
  readFlowWindows,
} from './flow-windows.ts';
import { measureHiddenEdges } from './hidden-edges.ts';
import { RatedEdges } from './rated-edges.ts';

export type FlowJudging = Readonly<{
  model: StoredModel;
  /** Whose local memory, and whose rows where a file holds several. */
  cluster?: string | undefined;
  /** Normal flows of the same cluster that its memory learns first. */
  normal?: string | undefined;
  windowMs: number;
  /** Counts what workloads do as a client does; scores count alone unless given. */
  rates?: FileJudge | undefined;
}>;

type OpenFaultCode = 'OPTION_WRONG' | ModelFolderFaultCode | FlowFileFaultCode;

export async function scoreFlowFile(
  judging: FlowJudging,
  { input, output, by }: Readonly<{ input: string; output: string; by: FlowScoreUnit | 'minute' }>,
): Promise<Result<string, OpenFaultCode | 'OUTPUT_UNWRITABLE'>> {
  const opening = await opened(judging);
  if (!opening.ok) return opening;
  const { scorer, rated } = opening.value;
  try {
    const file = await readFile(judging, input, (window, ended) => {
      if (by === 'minute') rated?.judge(window, ended, scoresIn(scorer, window));
    });
    if (!file.ok) return file;
    if (!hasEdges(file.value)) return await nothingIn(input, file.value, 'nothing was scored');
    const { windows } = file.value;
    const minutes = rated?.minutes.inOrder() ?? [];
    const lines = by === 'minute' ? minutes.values().map(minuteLine) : flowScoreLines(scorer, windows, by);
    const written = await writeLines(lines, output);
    return written.ok ? ok(sentence(file.value, ' scored')) : written;
  } finally {
    scorer.close();
  }
}

function scoresIn(scorer: FlowScorer, window: NamedSlice): number[] {
  return scorer.score(window).map(({ score }) => score);
}

export async function evaluateFlowFiles(
  judging: FlowJudging,
  inputs: readonly string[],
  complain: (line: string) => void,
): Promise<Result<Report, OpenFaultCode>> {
  const opening = await opened(judging);
  if (!opening.ok) return opening;
  const { scorer, rated } = opening.value;
  try {
    const judged: JudgedEdge[] = [];
    const unknown: string[] = [];
    for (const path of inputs) {
      rated?.startFile();
      const file = await readFile(judging, path, (window, ended) => {
        const edges = judgeEdges(scorer, [window]);
        judged.push(...edges);
        rated?.judge(
          window,
          ended,
          edges.map(({ score }) => score),
        );
      });
      if (!file.ok) return file;
      complain(`${path}: ${sentence(file.value)}`);
      if (isUnknown(file.value)) unknown.push(path);
    }
    if (judged.length === 0) {
      return refuse('INPUT_UNREADABLE', await nothingMeasured(inputs, unknown));
    }
    const evaluation = evaluateEdges(judged, rated?.minutes.quality());
    const { benign, hostile } = evaluation.overall;
    if (benign === 0 || hostile === 0) {
      const seen = `${benign} normal and ${hostile} hostile edges in windows`;
      return refuse('INPUT_UNREADABLE', `${inputs.join(', ')}: ${seen}: without both there is nothing to tell apart`);
    }
    return ok({ detail: evaluation, text: evaluationText(evaluation) });
  } finally {
    scorer.close();
  }
}

/** Link prediction on topologies as the model never saw them: the files' own edges, a share of them hidden. */
export async function evaluateHiddenEdges(
  judging: FlowJudging,
  inputs: readonly string[],
  share: number,
): Promise<Result<Report, OpenFaultCode>> {
  const model = flowModelOf(judging.model);
  if (!model.ok) return model;
  const normal: FlowFile['windows'][number][] = [];
  for (const path of inputs) {
    const file = await readFile(judging, path);
    if (!file.ok) return file;
    if (isUnknown(file.value)) return await nothingIn(path, file.value, 'nothing was measured');
    normal.push(...file.value.windows.flatMap((window) => normalPart(window) ?? []));
  }
  const reader = new LinkReader(model.value.spec, model.value.weights);
  try {
    const measured = measureHiddenEdges(reader, normal, { share });
    return measured.ok ? measured : refuse('INPUT_UNREADABLE', `${inputs.join(', ')}: ${measured.fault.message}`);
  } finally {
    reader.close();
  }
}

type Opened = Readonly<{ scorer: FlowScorer; rated: RatedEdges | undefined }>;

async function opened(judging: FlowJudging): Promise<Result<Opened, OpenFaultCode>> {
  const { model: stored, cluster, normal, rates } = judging;
  const model = flowModelOf(stored);
  if (!model.ok) return model;
  const rated = rates && new RatedEdges(rates);
  if (normal === undefined) return ok({ scorer: openFlowModel(model.value, cluster), rated });
  const file = await readFile(judging, normal, (_, ended) => rated?.learn(ended));
  if (!file.ok) return file;
  if (!hasEdges(file.value)) return await nothingIn(normal, file.value, 'nothing can be learnt from it');
  // Windows may be mixed: what is hostile in them is not learnt, the rest is.
  const learnt = file.value.windows.flatMap((window) => normalPart(window) ?? []);
  if (learnt.length === 0) return await nothingIn(normal, file.value, 'every flow in it is labelled as an attack');
  const scorer = openFlowModel(model.value, cluster, learnt);
  await rated?.start(learnt, scorer, (some) => openFlowModel(model.value, cluster, some));
  return ok({ scorer, rated });
}

function readFile({ windowMs, cluster }: FlowJudging, path: string, onWindow?: FlowFileOptions['onWindow']) {
  return readFlowWindows(path, { windowMs, part: cluster, onWindow });
}

function hasEdges({ windows }: FlowFile): boolean {
  return windows.some(({ names }) => names.edges.length > 0);
}

async function nothingIn(path: string, file: FlowFile, outcome: string): Promise<Result<never, 'INPUT_UNREADABLE'>> {
  const why = `${path}: ${sentence(file)}: ${outcome}`;
  return refuse('INPUT_UNREADABLE', file.broken === undefined ? `${why}; ${await remedy(path, file)}` : why);
}

/** `unknown`: the files of which no header was understood. */
async function nothingMeasured(inputs: readonly string[], unknown: readonly string[]): Promise<string> {
  const nothing = `${inputs.join(', ')}: no flow that can be judged, so nothing was measured`;
  const [path] = unknown;
  if (path === undefined) return `${nothing}; name labelled files of flows`;
  return `${nothing}; of ${path} ${await unknownHeader(path)}; docs/sources.md has what is read`;
}

/** Where no header was understood, what is wrong with it. */
async function remedy(path: string, file: FlowFile): Promise<string> {
  if (!isUnknown(file)) return 'is it a file of flows with a header?';
  return `${await unknownHeader(path)}; docs/sources.md has what is read`;
}

function isUnknown({ flows, skipped }: FlowFile): boolean {
  return flows === 0 && skipped.UNKNOWN_LAYOUT !== undefined;
}

/** What was read, and what was passed over. */
function sentence({ flows, windows, skipped, scans, broken }: FlowFile, done = ''): string {
  const parts = Object.entries(skipped).map(([reason, count]) => `${count} passed over (${reason})`);
  if (scans > 0) parts.push(`${scans} pairs used too many ports to tell apart`);
  if (broken !== undefined) parts.push(broken);
  return [`${flows} flows in ${windows.length} windows${done}`, ...parts].join('; ');
}
