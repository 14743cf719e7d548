import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { dirichlet, seededRandom } from '../../base/random.ts';
import { defaultPartition, parsePartition, partitionTraces } from './partition.ts';

const traces = (perService: Record<string, number>, cluster?: (service: string) => string) =>
  Object.entries(perService).flatMap(([service, count]) =>
    Array.from({ length: count }, (_, id) => ({ service, cluster: cluster?.(service), id: `${service}-${id}` })),
  );

describe('parsePartition', () => {
  it('reads the three kinds', () => {
    expect(parsePartition('column')).toEqual({ kind: 'column' });
    expect(parsePartition('service')).toEqual({ kind: 'service' });
    expect(parsePartition('dirichlet:0.5')).toEqual({ kind: 'dirichlet', alpha: 0.5 });
  });

  it.each(['', 'host', 'dirichlet', 'dirichlet:', 'dirichlet:0', 'dirichlet:-1', 'dirichlet:NaN', 'dirichlet:1e9'])(
    'refuses %j and says what is legal',
    (text) => expect(() => parsePartition(text)).toThrow(/"column", "service" or "dirichlet:ALPHA"/),
  );
});

describe('defaultPartition', () => {
  it('prefers recorded clusters, then services, then an artificial draw', () => {
    expect(defaultPartition(traces({ web: 2 }, () => 'c01'))).toEqual({ kind: 'column' });
    expect(defaultPartition(traces({ web: 2, db: 1 }))).toEqual({ kind: 'service' });
    expect(defaultPartition(traces({ normal: 5 }))).toEqual({ kind: 'dirichlet', alpha: 0.5 });
  });
});

describe('partitionTraces', () => {
  it('deals every trace exactly once, whatever the partition and seed', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('web', 'db', 'ssh', 'git'), fc.integer({ min: 30, max: 90 }), { minKeys: 1 }),
        fc.constantFrom(parsePartition('service'), parsePartition('dirichlet:5')),
        fc.integer({ min: 1, max: 8 }),
        fc.nat(),
        (services, partition, count, seed) => {
          const all = traces(services);
          const dealt = partitionTraces(all, partition, count, seededRandom(seed));
          if (!dealt.ok) return expect(dealt.fault.code).toBe('PARTITION_IMPOSSIBLE');
          expect(dealt.value.size).toBe(count);
          const ids = [...dealt.value.values()].flat().map((trace) => trace.id);
          expect(ids.sort()).toEqual(all.map((trace) => trace.id).sort());
        },
      ),
      { numRuns: 300 },
    );
  });

  it('gives clusters services of their own when there are enough', () => {
    const dealt = unwrap(partitionTraces(traces({ web: 9, db: 8, ssh: 7 }), { kind: 'service' }, 3, seededRandom(1)));
    for (const own of dealt.values()) expect(new Set(own.map((trace) => trace.service)).size).toBe(1);
  });

  it('draws again until every cluster has something to learn from, where that can be', () => {
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const dealt = unwrap(
        partitionTraces(traces({ normal: 800 }), { kind: 'dirichlet', alpha: 0.5 }, 8, seededRandom(seed)),
      );
      for (const own of dealt.values()) expect(own.length).toBeGreaterThan(0);
    }
    const three = partitionTraces(traces({ normal: 3 }), { kind: 'dirichlet', alpha: 0.5 }, 8, seededRandom(1));
    expect(three).toMatchObject({ fault: { code: 'PARTITION_IMPOSSIBLE' } });
  });

  it('keeps recorded clusters in the order of their names and leaves the rest out', () => {
    const all = traces({ web: 3, db: 3, ssh: 3 }, (service) => ({ web: 'c02', db: 'c01' })[service] ?? 'c03');
    const dealt = unwrap(partitionTraces(all, { kind: 'column' }, 2, seededRandom(1)));
    expect([...dealt.keys()]).toEqual(['c01', 'c02']);
    expect(dealt.get('c01')?.every((trace) => trace.service === 'db')).toBe(true);
  });

  it('refuses what cannot be: no column, too few clusters, nothing left for a cluster', () => {
    const faultOf = (...args: Parameters<typeof partitionTraces>) => {
      const dealt = partitionTraces(...args);
      return dealt.ok ? undefined : dealt.fault.code;
    };
    const random = seededRandom(1);
    expect(faultOf(traces({ web: 3 }), { kind: 'column' }, 1, random)).toBe('PARTITION_IMPOSSIBLE');
    expect(
      faultOf(
        traces({ web: 3 }, () => 'c01'),
        { kind: 'column' },
        2,
        random,
      ),
    ).toBe('PARTITION_IMPOSSIBLE');
    expect(faultOf(traces({ web: 3 }), { kind: 'service' }, 4, random)).toBe('PARTITION_IMPOSSIBLE');
  });
});

describe('dirichlet', () => {
  it('draws shares that sum to 1, more even as alpha grows', () => {
    const random = seededRandom(3);
    const largest = (alpha: number) =>
      Array.from({ length: 400 }, () => Math.max(...dirichlet(8, alpha, random))).reduce((a, b) => a + b, 0) / 400;
    const [skewed, even] = [largest(0.1), largest(100)];
    expect(skewed).toBeGreaterThan(0.6);
    expect(even).toBeLessThan(0.2);
    for (let i = 0; i < 100; i++) {
      const shares = dirichlet(5, 0.01, random);
      expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
    }
  });
});
