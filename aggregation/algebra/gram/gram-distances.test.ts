import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { memoryBlocks, type UpdateBlocks } from '../../blocks/blocks.ts';
import { startKernelPool } from '../kernels/kernel-pool.ts';
import { twinAlgebra } from '../twin-algebra.ts';
import { gramDistances } from './gram-distances.ts';
import { gramPasses } from './passes.ts';

const pool = startKernelPool(2);
afterAll(() => pool.close());

/** n rows of shape [d]: a wave of its own for each, so that no two are alike and nothing cancels. */
function waves(n: number, d: number): UpdateBlocks {
  const rows = Array.from({ length: n }, (_, row) =>
    Float32Array.from({ length: d }, (__, column) => Math.sin((row + 1) * (column + 1) * 0.37) + row / n),
  );
  const source = memoryBlocks(rows);
  if (!source.ok) throw new Error(source.fault.message);
  return source.value;
}

test.each([
  [25, 2048],
  [37, 4100],
  [48, 63],
  [61, 2100],
])(
  'gramDistances › of %d rows of %d values have the same bits band by band as at once, and are within their bounds',
  async (n, d) => {
    const source = waves(n, d);
    const [whole, banded, exact] = [
      await gramDistances(pool, source),
      await gramDistances(pool, source, undefined, 7),
      await twinAlgebra().squaredDistances(source),
    ];
    expect(banded.values).toEqual(whole.values);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        if (i === j) continue;
        expect(banded.errorOf(i, j)).toBe(whole.errorOf(i, j));
        const off = Math.abs((whole.values[i * n + j] as number) - (exact.values[i * n + j] as number));
        expect(off).toBeLessThanOrEqual(whole.errorOf(i, j));
      }
    }
  },
);

test.each([1, 5, 12, 24, 30, 36])(
  'gramDistances › between %d rows and those after them are those of all',
  async (between) => {
    const [n, d] = [37, 2100];
    const source = waves(n, d);
    const whole = await gramDistances(pool, source);
    for (const bandRows of [undefined, 7, 12]) {
      const some = await gramDistances(pool, source, between, bandRows);
      for (let i = 0; i < between; i++) {
        for (let j = between; j < n; j++) expect(some.values[i * n + j]).toBe(whole.values[i * n + j]);
      }
    }
  },
);

test.each([undefined, 4, 11])(
  'gramPasses › meet every wanted pair once, however many bands there are (between %s)',
  (between) => {
    for (const bandRows of [1, 3, 5, 8, 16]) {
      const met = gramPasses(16, between, bandRows).flatMap((pass) => {
        expect(pass.rows.length).toBeLessThanOrEqual(2 * bandRows);
        const cut = pass.between;
        return pass.rows.flatMap((i, at) =>
          pass.rows
            .slice(at + 1)
            .flatMap((j, more) => (cut === undefined || (at < cut && at + 1 + more >= cut) ? [`${i} ${j}`] : [])),
        );
      });
      const wanted = Array.from({ length: 16 }, (_, i) => i).flatMap((i) =>
        Array.from({ length: 16 - i - 1 }, (_, more) => i + 1 + more).flatMap((j) =>
          between === undefined || (i < between && j >= between) ? [`${i} ${j}`] : [],
        ),
      );
      expect(met.sort()).toEqual(wanted.sort());
    }
  },
);

test('processors with fused multiply-add and without decide alike, though their distances differ', () => {
  const here = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
  const program = `
    import { fastAlgebra } from ${here('../fast-algebra.ts')};
    import { memoryBlocks } from ${here('../../blocks/blocks.ts')};
    import { knownDistances } from ${here('../../distances/known-distances.ts')};
    import { rankByScore, roundedScores } from ${here('../../distances/neighbour-scores.ts')};
    let state = 1;
    const next = () => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5;
    const rows = Array.from({ length: 100 }, () => Float32Array.from({ length: 5000 }, next));
    const source = memoryBlocks(rows).value;
    const algebra = fastAlgebra({ workers: 1 });
    const matrix = await algebra.squaredDistances(source);
    const sum = matrix.values.reduce((all, one) => all + one, 0);
    const distances = knownDistances(algebra, source, matrix);
    const question = { distances, rows: [...rows.keys()], neighbours: 60 };
    console.log(JSON.stringify([sum, [await rankByScore(question), [...await roundedScores(question)]], distances.settledPairs]));
    await algebra.close();
  `;
  const folder = mkdtempSync(join(tmpdir(), 'fused-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'program.mjs');
  writeFileSync(file, program);
  const [fused, apart] = [[], ['--no-enable-fma3']].map((flags) => {
    const { stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', ...flags, file], { encoding: 'utf8' });
    expect(stderr).toBe('');
    return JSON.parse(stdout) as [sum: number, decided: unknown, settledPairs: number];
  }) as [[number, unknown, number], [number, unknown, number]];
  expect(apart[1]).toEqual(fused[1]);
  expect(fused[2]).toBeGreaterThan(0);
  // Else nothing here could decide otherwise. The switch is of x64 alone.
  if (/^flags\b.* fma /m.test(readFileSync('/proc/cpuinfo', 'utf8'))) expect(apart[0]).not.toBe(fused[0]);
});
