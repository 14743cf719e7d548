import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { readWhole, textBytesMax } from '../../../base/text/read-whole.ts';
import { learnFlowCluster } from '../../../client/tracks/flow/cluster-state.ts';
import { defaultFlowDetector } from '../../../client/tracks/flow/detector-names.ts';
import { flowDetectorStart } from '../../../client/tracks/flow/detectors.ts';
import { loadFlowModel } from '../../../client/tracks/flow/flow-model-folder.ts';
import { FlowScorer } from '../../../client/tracks/flow/flow-scorer.ts';
import type { NamedSlice } from '../../../client/tracks/flow/graph/slice.ts';
import { readFlowWindows } from '../../../client/tracks/flow/offline/flow-windows.ts';
import { injectedFamily, injectedMovement } from '../../../lab/data/injected-movement.ts';
import { flowWindowMs, readRecordedFlows, writeFlows } from '../../../lab/data/recorded-flows.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import { type Check, checkThat, notMeasured } from './report.ts';

export type Replay = Readonly<{ flows: string | undefined; model: string | undefined; seed: number }>;

type Rows = Readonly<{
  name: string;
  header: string;
  learnt: readonly string[];
  later: readonly string[];
  laterFromMs: number;
}>;

const recordedFolder = fileURLToPath(new URL('../../../data/recorded', import.meta.url));
const recordedCluster = 'c10'; // Six services, of which many never call each other.
const walksWanted = 5;
/** Edges that are as strange as one normal edge in a hundred here. */
const strangeShare = 0.01;
/** Normal edges of later windows may pass it so often: they are newer than what was learnt. */
const falseShareMax = 0.05;
const windowsMin = 5;

const found = 'walks that were found';
const foundExpected = 'all of them, by at least one step each';
const quiet = 'normal edges that would have alarmed';
const quietExpected = `at most ${falseShareMax * 100} %`;

/** Refused where the flows or the model cannot be read. */
export async function runLateralMovement({ flows, model, seed }: Replay): Promise<Result<readonly Check[]>> {
  const rows = flows === undefined ? await recordedRows() : await ownRows(flows);
  if (!rows.ok) return rows;
  const start = model === undefined ? undefined : await loadFlowModel(model);
  if (start !== undefined && !start.ok) return start;
  const folder = await mkdtemp(join(tmpdir(), 'testudo-drill-'));
  try {
    const { header, learnt, later, laterFromMs } = rows.value;
    const startsMs = Array.from({ length: walksWanted }, (_, walk) => laterFromMs + (1 + 2 * walk) * flowWindowMs);
    const plan = { header, rows: [...learnt, ...later], startsMs, stretchMs: flowWindowMs, hopsMax: 3, seed };
    const injected = injectedMovement(plan);
    const windows = async (name: string, of: readonly string[]) => {
      await writeFlows(join(folder, name), header, of);
      return await readFlowWindows(join(folder, name), { windowMs: flowWindowMs });
    };
    const usual = await windows('learnt.csv', learnt);
    const judged = await windows('later.csv', inTime(header, [...later, ...injected]));
    if (!usual.ok) return usual;
    if (!judged.ok) return judged;
    const first = flowDetectorStart(defaultFlowDetector);
    const weights = start?.value ?? { spec: first.spec, weights: first.init(1) };
    const judgedBy = model === undefined ? 'an untrained model and the memory of this cluster' : model;
    return ok(
      checksOf(weights, usual.value.windows, judged.value.windows, `${rows.value.name}, judged by ${judgedBy}`),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function checksOf(
  { spec, weights }: Readonly<{ spec: ModelSpec; weights: Float32Array }>,
  usual: readonly NamedSlice[],
  judged: readonly NamedSlice[],
  of: string,
): readonly Check[] {
  const isInjected = ({ labels }: Readonly<{ labels: readonly string[] }>) => labels.includes(injectedFamily);
  const walks = judged.filter(({ names }) => names.edges.some(isInjected)).length;
  const nothing = (why: string) => [notMeasured(found, foundExpected, why), notMeasured(quiet, quietExpected, why)];
  if (usual.length < windowsMin) return nothing(`${of}: ${usual.length} windows are too few to learn from`);
  if (walks === 0) return nothing(`${of}: no walk can be made between services that never call each other`);
  const scorer = new FlowScorer(spec, weights, (reader) => learnFlowCluster(reader, usual));
  try {
    let [seen, normal, alarmed] = [0, 0, 0];
    for (const window of judged) {
      const strange = scorer.score(window).map(({ pValue }) => pValue !== undefined && pValue <= strangeShare);
      if (window.names.edges.some((edge, at) => isInjected(edge) && strange[at] === true)) seen += 1;
      for (const [at, { labels }] of window.names.edges.entries()) {
        if (labels.length > 0) continue;
        normal += 1;
        if (strange[at] === true) alarmed += 1;
      }
    }
    const remedy =
      'let the track learn more of what is usual (more windows), and look at `testudo evaluate --track flow`';
    const share = `${alarmed} of ${normal} (${((100 * alarmed) / Math.max(1, normal)).toFixed(1)} %)`;
    return [
      checkThat(found, foundExpected, `${seen} of ${walks}: ${of}`, seen === walks, remedy),
      checkThat(quiet, quietExpected, share, alarmed <= falseShareMax * normal, remedy),
    ];
  } finally {
    scorer.close();
  }
}

async function recordedRows(): Promise<Result<Rows>> {
  if (!existsSync(join(recordedFolder, 'flows.csv.gz')))
    return refuse('DRILL_SETTING', 'no recorded flows come with this package: name yours with --flows');
  const flows = (await readRecordedFlows(recordedFolder)).get(recordedCluster);
  if (flows === undefined) throw new Error(`the recorded flows hold no cluster ${recordedCluster}`); // They always do.
  const { header, learnt, later, trainEndMs } = flows;
  return ok({ name: `recorded flows of ${recordedCluster}`, header, learnt, later, laterFromMs: trainEndMs });
}

/** The first two thirds of the time to learn from, the rest to judge. */
async function ownRows(path: string): Promise<Result<Rows>> {
  let text: string;
  try {
    const bytes = readWhole(path, textBytesMax);
    const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
    text = (isPacked ? gunzipSync(bytes, { maxOutputLength: textBytesMax }) : bytes).toString('utf8');
  } catch (error) {
    return refuse('FILE_REFUSED', `${path}: ${(error as Error).message}`);
  }
  const [header = '', ...rows] = text.trimEnd().split(/\r?\n/);
  const at = header.split(',').indexOf('start_s');
  if (at === -1)
    return refuse('FILE_REFUSED', `${path}: no column start_s; docs/sources.md says what a recording of flows holds`);
  const ordered = inTime(header, rows);
  const timeOf = (row: string | undefined) => Number(row?.split(',')[at]) * 1e3;
  const [fromMs, toMs] = [timeOf(ordered[0]), timeOf(ordered.at(-1))];
  const laterFromMs = Math.ceil((fromMs + ((toMs - fromMs) * 2) / 3) / flowWindowMs) * flowWindowMs;
  const isLearnt = (row: string) => timeOf(row) < laterFromMs;
  return ok({
    ...{ name: path, header, laterFromMs },
    learnt: ordered.filter(isLearnt),
    later: ordered.filter((row) => !isLearnt(row)),
  });
}

function inTime(header: string, rows: readonly string[]): string[] {
  const at = header.split(',').indexOf('start_s');
  const timeOf = (row: string) => Number(row.split(',')[at]);
  return rows.toSorted((a, b) => timeOf(a) - timeOf(b));
}
