import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { injectedFamily, injectedMovement } from './injected-movement.ts';

const header = 'start_s,src_service,dst_service,dst_port,bytes_out,label,family';
const row = (from: string, to: string, port: number, family = 'normal') =>
  `1.000,${from},${to},${port},77,${family === 'normal' ? 'normal' : 'attack'},${family}`;
const rows = [
  row('client', 'web', 80),
  row('web', 'app', 8080),
  row('app', 'db', 5432),
  row('app', 'cache', 6379),
  row('db', 'web', 4444, 'reverse_shell'),
];
const plan = { header, rows, startsMs: [10_000, 20_000], stretchMs: 5_000, hopsMax: 3, seed: 1 };

describe('injectedMovement', () => {
  it('walks from workload to workload in the order of time, by pairs that nobody uses, to ports that are served', () => {
    fc.assert(
      fc.property(fc.nat(1_000), (seed) => {
        const injected = injectedMovement({ ...plan, seed }).map((text) => text.split(','));
        const served: Record<string, string> = { web: '80', app: '8080', db: '5432', cache: '6379' };
        const normal = new Set(['web app', 'app db', 'app cache']);
        for (const fields of injected) {
          const [, from = '', to = '', port, bytes, label, family] = fields;
          expect([label, family, bytes]).toEqual(['attack', injectedFamily, '77']);
          expect(normal.has(`${from} ${to}`)).toBe(false);
          expect(port).toBe(served[to]);
          expect(served[from]).toBeDefined();
        }
        for (const startMs of plan.startsMs) {
          const walk = injected.filter(([start]) => Math.abs(Number(start) * 1e3 - startMs - 2_500) <= 2_500);
          expect(walk.length).toBeGreaterThan(0);
          for (const [at, [start, from]] of walk.entries()) {
            const before = walk[at - 1];
            if (before === undefined) continue;
            expect(from).toBe(before[2]);
            expect(Number(start)).toBeGreaterThan(Number(before[0]));
          }
          const entered = [walk[0]?.[1], ...walk.map(([, , to]) => to)];
          expect(new Set(entered).size).toBe(entered.length);
        }
      }),
    );
    expect(injectedMovement(plan)).toEqual(injectedMovement(plan));
  });

  it('injects nothing where everybody calls everybody', () => {
    const all = [row('a', 'b', 1), row('b', 'a', 1), row('client', 'a', 1)];
    expect(injectedMovement({ ...plan, rows: all })).toEqual([]);
  });
});
