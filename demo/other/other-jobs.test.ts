import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { seededRandom } from '../../base/random.ts';
import { loadFlowModel } from '../../client/tracks/flow/flow-model-folder.ts';
import { readStoredModel } from '../../client/tracks/model-files.ts';
import { parseOptions } from '../options.ts';
import type { Screen } from '../screen.ts';
import { fileLayout } from './file-layout.ts';
import { flowsJob } from './flows-job.ts';
import { rowsJob } from './rows-job.ts';

let folder: string;
const said: string[] = [];
const screen: Screen = { line: (text = '') => void said.push(text), status: () => undefined, clear: () => undefined };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-jobs-'));
  const random = seededRandom(5);
  const rows = Array.from({ length: 260 }, (_, at) => {
    const hostile = at >= 220;
    const a = Math.floor(random() * 100);
    return [
      at,
      a,
      hostile ? Math.floor(random() * 900) : 7 * a + Math.floor(random() * 5),
      at % 3,
      at % 2 ? 'tcp' : 'udp',
      hostile ? 'Worms' : 'Normal',
      hostile ? 1 : 0,
    ].join(',');
  });
  await writeFile(join(folder, 'rows.csv'), `id,spkts,sbytes,rate,proto,attack_cat,label\n${rows.join('\n')}\n`);
  const flows = Array.from({ length: 16 }, (_, minute) =>
    ['a', 'b', 'c', 'd'].map((client, at) =>
      [60 * minute + at, 0.2, 'x', client, `db${at % 3}`, 5432, 'tcp', 400 + at, 900, 4, 5, 'normal', 'normal'].join(
        ',',
      ),
    ),
  ).flat();
  const moves = ['b', 'c', 'd', 'a'].map((server, at) =>
    [60 * (9 + at) + 30, 0.1, 'x', 'abcd'[at], server, 22, 'tcp', 90, 80, 3, 3, 'attack', 'lateral_movement'].join(','),
  );
  const header =
    'start_s,duration_s,cluster,src_service,dst_service,dst_port,protocol,bytes_out,bytes_in,packets_out,packets_in,label,family';
  await writeFile(join(folder, 'flows.csv'), `${header}\n${[...flows, ...moves].join('\n')}\n`);
  await writeFile(join(folder, 'traces.tsv'), 'train\tNormal\tone\t1 2 3\n');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const options = (data: string, more: Record<string, string> = {}) =>
  unwrap(
    parseOptions(
      {
        data: join(folder, data),
        abi: undefined,
        partition: undefined,
        clusters: '5',
        hostile: '1',
        rounds: '2',
        rule: undefined,
        detector: undefined,
        tracks: undefined,
        seed: '1',
        out: join(folder, `out-${data}`),
        ...more,
      },
      { data: '', detector: 'two-views' },
    ),
  );

describe('the main job on other data than traces', () => {
  it('is told by the file itself', async () => {
    expect(await fileLayout(join(folder, 'rows.csv'))).toBe('rows');
    expect(await fileLayout(join(folder, 'flows.csv'))).toBe('flows');
    expect(await fileLayout(join(folder, 'traces.tsv'))).toBe('traces');
    expect(await fileLayout(join(folder, 'nowhere'))).toBe('traces');
  });

  it('ends with a model and its figures on rows of features', async () => {
    const report = unwrap(await rowsJob(options('rows.csv'), screen));
    expect(report.clusters).toHaveLength(5);
    expect(report.unseen.hostile).toBe(40);
    for (const auc of Object.values(report.auc)) expect(auc).toBeGreaterThan(0.5);
    const model = unwrap(await readStoredModel(join(folder, 'out-rows.csv', 'model')));
    expect(model.spec.architecture).toBe('feature-rows-autoencoder/1');
    expect(JSON.parse(await readFile(join(folder, 'out-rows.csv', 'report.json'), 'utf8'))).toEqual(report);
  });

  it('ends with a model and its baselines on flows, with fewer clusters where fewer clients are there', async () => {
    const report = unwrap(await flowsJob(options('flows.csv', { clusters: '5', hostile: '1', rounds: '1' }), screen));
    expect(report.clusters).toHaveLength(4);
    expect(report.clusters.filter(({ hostile }) => hostile)).toHaveLength(0);
    expect(said.join('\n')).toContain('1 of 5 clusters have no client with normal flows');
    expect(said.join('\n')).toContain('0 of them lie instead of 1');
    expect(report.baselines['never seen this pair']).toBe(1);
    expect(report.auc.robustUnderAttack).toBe(1);
    expect(unwrap(await loadFlowModel(join(folder, 'out-flows.csv', 'model-flow'))).clusters.size).toBe(4);
  });

  it('refuses what holds one class only, and says what it saw', async () => {
    const text = await readFile(join(folder, 'rows.csv'), 'utf8');
    await writeFile(
      join(folder, 'tame.csv'),
      text
        .split('\n')
        .filter((line) => !line.includes('Worms'))
        .join('\n'),
    );
    expect(await rowsJob(options('tame.csv'), screen)).toMatchObject({
      fault: { code: 'DATA_TOO_SMALL', message: expect.stringContaining('220 rows, 0 of them hostile') },
    });
  });
});
