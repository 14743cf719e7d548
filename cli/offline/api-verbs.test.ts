import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evidenceSpec } from '../../client/tracks/api/memory/evidence-table.ts';
import { csvOf, learnS, normalTraffic, request, userOf } from '../../client/tracks/api/testing/small-shop.ts';
import { jsonBytes, writeModelFiles } from '../../client/tracks/model-files.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import { runTestudo } from '../testing/command-line.ts';

describe('testudo score, evaluate and explain --track api', () => {
  let folder = '';
  const at = (name: string) => join(folder, name);
  const learnt = () => ['--normal', at('requests.csv'), '--normal-phase', 'train'];
  const judged = () => ['--model', at('model'), '--input', at('requests.csv'), '--cluster', 'small', '--phase', 'test'];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'testudo-api-'));
    const spec = evidenceSpec(2 ** 12);
    await writeModelFiles(
      at('model'),
      new Map([
        ['spec.json', jsonBytes(spec)],
        ['weights.bin', bytesOfValues(new Float32Array(2 ** 12))],
      ]),
    );
    const attack = request(learnS + 3_000, 'theone', userOf(3), {
      method: 'GET',
      path: `/catalogue/search?q=${encodeURIComponent("' UNION SELECT '1'='1")}`,
      attack: 'sqli',
    });
    await writeFile(at('requests.csv'), csvOf([...normalTraffic(), ...attack].sort((a, b) => a.t - b.t)));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('scores a chain a line, templates and no values, the injection above nearly all', async () => {
    const said = await runTestudo('score', ...judged(), ...learnt(), '--output', at('scores.tsv'));
    expect(said.code).toBe(0);
    const text = await readFile(at('scores.tsv'), 'utf8');
    const lines = text.trimEnd().split('\n');
    const scores = lines.map((line) => Number(line.split('\t').at(-1)));
    const attack = lines.findIndex((line) => line.startsWith('2026-11-02T12:50:00.000Z'));
    expect(lines[attack]).toMatch(/\t-\tgateway\tGET\t\/api\/catalogue\/search\t200\t3\t/);
    expect(scores.filter((score) => score >= (scores[attack] as number)).length).toBeLessThanOrEqual(3);
    expect(text).not.toContain('UNION');
    expect(said.error).toContain(`in ${lines.length} chains; all scored`);
  });

  it('evaluates by kind of attack, beside the plain detectors', async () => {
    const { code, out } = await runTestudo('evaluate', ...judged(), ...learnt(), '--json');
    expect(code).toBe(0);
    const { overall, byKind } = JSON.parse(out) as {
      overall: { hostile: number; auc: number; baselines: Record<string, number> };
      byKind: Record<string, unknown>;
    };
    expect(Object.keys(byKind)).toEqual(['sqli']);
    expect(overall.hostile).toBe(1);
    expect(overall.auc).toBeGreaterThan(0.99);
    expect(overall.auc).toBeGreaterThan(overall.baselines.unseenTemplate as number);
  });

  it('says why the request of an id is unusual', async () => {
    const { out } = await runTestudo('explain', 'theone', ...judged(), ...learnt());
    expect(out).toContain('injection:');
    expect(out).toContain('the value of "q" of GET');
  });

  it('ends with 1 and says what it saw where there is only one class', async () => {
    const one = ['--model', at('model'), '--input', at('requests.csv'), '--phase', 'train'];
    const { code, error } = await runTestudo('evaluate', ...one);
    expect(code).toBe(1);
    expect(error).toMatch(/\d+ normal and 0 hostile chains: both are needed/);
  });
});
