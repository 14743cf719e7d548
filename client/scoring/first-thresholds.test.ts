import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { seededRandom } from '../../base/random.ts';
import { digestOf } from '../../proto/digest.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import { ExampleBuffer } from '../learning/example-buffer.ts';
import { gramTableSpec, initialGramTable } from '../tracks/syscall/gram-table/gram-table.ts';
import type { Example } from '../tracks/syscall/traces/example.ts';
import { WorkloadClasses } from '../tracks/syscall/traces/workload-classes.ts';
import { trackKind } from '../tracks/syscall/track.ts';
import { moduleOfKind } from '../tracks/track-kinds.ts';
import { JudgedModel } from './judged-model.ts';
import { loadModel } from './loaded-model.ts';
import type { ScoringModel } from './score-protocol.ts';

const spec = gramTableSpec(new WorkloadClasses(['nginx', 'redis', 'cron']), 2 ** 12);
const alertRate = 0.001;
const options = { rule: { kind: 'quantile', alertRate }, warmUp: 10, windowMax: 2_000 } as const;
const bufferSizes = { recent: 400, reservoir: 400, hard: 10, regression: 10 };
const random = seededRandom(5);

/** What a workload does is never quite the same: runs of thirty calls, of which one in six is anything out of thirty. */
function traces(workload: string, many: number): Example[] {
  return Array.from({ length: many }, () => ({
    workload,
    calls: Uint16Array.from({ length: 30 }, (_, at) => (random() < 1 / 6 ? 50 + Math.floor(random() * 30) : at % 5)),
  }));
}

let folder: string;
let model: ScoringModel;
let loaded: Awaited<ReturnType<typeof loadModel>>;
const learnt = { nginx: traces('nginx', 120), redis: traces('redis', 60), cron: traces('cron', 12) };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-thresholds-'));
  const buffer = unwrap(ExampleBuffer.open(join(folder, 'e.db'), Buffer.alloc(32, 1), trackKind.examples, bufferSizes));
  unwrap(buffer.add(Object.values(learnt).flat(), 1));
  buffer.close();
  const bytes = bytesOfValues(initialGramTable(spec));
  await writeFile(join(folder, 'weights.bin'), bytes);
  model = {
    ...{ kindModule: moduleOfKind('syscall') as string, spec, version: 1, digest: digestOf(bytes) },
    ...{ weightsPath: join(folder, 'weights.bin'), bufferPath: join(folder, 'e.db') },
    ...{ bufferSizes, dataKey: Buffer.alloc(32, 1) },
  };
  loaded = await loadModel(model, 1, []);
});

afterAll(async () => {
  loaded.scorer.close();
  await rm(folder, { recursive: true, force: true });
});

function scoresOf(examples: readonly Example[]): number[] {
  return loaded.scorer.score(examples).map(({ scores }) => scores[0] as number);
}

const shareAbove = (scores: readonly number[], level: number) =>
  scores.filter((score) => score > level).length / scores.length;

describe('first thresholds', () => {
  it('are of scores that normal examples have for a model which has not learnt them', () => {
    const coming = scoresOf(traces('nginx', 400));
    const own = scoresOf(learnt.nginx);
    const first = loaded.normal.get('nginx') as readonly number[];
    expect(first).toHaveLength(120);
    // By scores of what memory knows, much of what comes would be an alarm.
    expect(shareAbove(coming, Math.max(...own))).toBeGreaterThan(0.2);
    expect(shareAbove(coming, Math.max(...first))).toBeLessThan(0.05);
  });

  it('are of what the model has learnt where half of it would not calibrate one', () => {
    expect(loaded.normal.get('cron')?.toSorted()).toEqual(scoresOf(learnt.cron).toSorted());
  });

  it('let about as many pass as are to, though few scores of a workload show so small a share', () => {
    const judged = new JudgedModel(model, loaded, options);
    for (const workload of ['nginx', 'redis'] as const) {
      expect(shareAbove(scoresOf(traces(workload, 1_000)), judged.level(workload))).toBeLessThan(0.02);
    }
  });
});
