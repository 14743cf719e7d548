import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../base/random.ts';
import { sampleCalls, sampleWindows, windowMs, windowOf } from '../testing/sample-windows.ts';
import { edgeSurprisal, sharedProbability } from './edge-surprisal.ts';
import { PairMemory, serviceOf } from './pair-memory.ts';
import { namedPairs, ReferenceGraph } from './reference-graph.ts';
import { pValueOf, tailOf } from './tail.ts';
import { pValueOfThresholdMultiple, workloadRisk } from './workload-risk.ts';

const key = (name: string) => `workload shop/${name}`;
const web = { client: 'web', server: 'db', port: 5432 };
const forever = { nodesMax: 1_000, servicesMax: 1_000, halfLifeMs: Number.POSITIVE_INFINITY };

describe('PairMemory', () => {
  it('counts windows of a pair and the chances it had', () => {
    const memory = new PairMemory(forever);
    for (let at = 0; at < 4; at++) {
      memory.learn(windowOf(at % 2 === 0 ? [web] : [web, { client: 'web', server: 'mail', port: 25 }], at));
    }
    expect(memory.evidence(key('web'), key('db'), 'tcp/5432')).toMatchObject({ pair: 4, together: 4, service: 4 });
    expect(memory.evidence(key('web'), key('mail'), 'tcp/25')).toMatchObject({ pair: 2, together: 2 });
    expect(memory.evidence(key('db'), key('web'), 'tcp/80')).toMatchObject({ pair: 0, together: 4, service: 0 });
    expect(memory.evidence(key('new'), key('db'), 'tcp/5432')).toMatchObject({ together: 0, serverService: 4 });
  });

  it('forgets by half in a half-life', () => {
    const memory = new PairMemory({ ...forever, halfLifeMs: windowMs });
    memory.learn(windowOf([web], 0));
    memory.learn(windowOf([{ client: 'a', server: 'b', port: 80 }], 3));
    expect(memory.evidence(key('web'), key('db'), 'tcp/5432').pair).toBeCloseTo(1 / 8, 9);
  });

  it('remembers over years that nobody saw, as a clock tells of them that is set: forwards, or to a year ahead and back', () => {
    const dayMs = 86_400_000;
    const at = (days: number) => (days * dayMs) / windowMs;
    const other = { client: 'a', server: 'b', port: 80 };
    for (const days of [
      [0, 56 * 365],
      [20_000, 20_365],
    ]) {
      const memory = new PairMemory();
      memory.learn(windowOf([web], at(days[0] as number)));
      memory.learn(windowOf([other], at(days[1] as number)));
      // As one that is learnt late, whose time lies before the latest.
      const late = windowOf([{ client: 'late', server: 'db', port: 5432 }], at((days[0] as number) + 1));
      memory.learn(late);
      expect(memory.evidence(key('web'), key('db'), 'tcp/5432').pair).toBeCloseTo(2 ** (-1 / 14), 9);
      memory.without(late, () => expect(memory.evidence(key('late'), key('db'), 'tcp/5432').pair).toBe(0));
      expect(memory.evidence(key('late'), key('db'), 'tcp/5432').pair).toBe(1);
    }
  });

  it('leaves out a window as if it had not been learnt, and has it again after', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 999 }), fc.integer({ min: 2, max: 6 }), (seed, count) => {
        const windows = sampleWindows(sampleCalls(seed, 8), count, seededRandom(seed), 0.5);
        const out = windows[seed % count] as (typeof windows)[number];
        const [all, others] = [new PairMemory(), new PairMemory()];
        for (const window of windows) all.learn(window);
        for (const window of windows) if (window !== out) others.learn(window);
        // Decay is counted from the latest window: both memories must stand at the same time.
        const latest = windows.at(-1) === out ? 2 ** (-windowMs / others.limits.halfLifeMs) : 1;
        const before = JSON.stringify(all.record().pairs.map(([a, b]) => [a, b]));
        all.without(out, () => {
          for (const [client, server, active] of others.pairs()) {
            expect(all.evidence(client, server, '').pair).toBeCloseTo(active * latest, 6);
          }
        });
        expect(JSON.stringify(all.record().pairs.map(([a, b]) => [a, b]))).toBe(before);
      }),
    );
  });

  it('stays within its bounds and keeps what is used most', () => {
    const memory = new PairMemory({ nodesMax: 40, servicesMax: 60, halfLifeMs: Number.POSITIVE_INFINITY });
    for (let at = 0; at < 200; at++)
      memory.learn(windowOf([web, { client: `job${at}`, server: `host${at}`, port: 80 }], at));
    const record = memory.record();
    expect(record.nodes.length).toBeLessThanOrEqual(42);
    expect(record.services.length).toBeLessThanOrEqual(62);
    expect(memory.evidence(key('web'), key('db'), 'tcp/5432').pair).toBe(200);
  });

  it('reads its own record back equal, and no record with loose ends', () => {
    const memory = new PairMemory();
    for (const window of sampleWindows(sampleCalls(4), 5, seededRandom(1))) memory.learn(window);
    const record = JSON.parse(JSON.stringify(memory.record()));
    expect(PairMemory.fromRecord(record).record()).toEqual(record);
    expect(() => PairMemory.fromRecord({ ...record, pairs: [[0, 9_999, 1]] })).toThrow(/no node 9999/);
  });

  it('names passing ports by their class and served ones by number', () => {
    expect(serviceOf('tcp', 5432)).toBe('tcp/5432');
    expect(serviceOf('tcp', 30_123)).toBe(serviceOf('tcp', 31_999));
  });
});

describe('ReferenceGraph', () => {
  it('numbers what it knows the same whatever a window adds, and reads its record back', () => {
    const reference = new ReferenceGraph();
    reference.learn(namedPairs(windowOf(sampleCalls(2))));
    const extra = namedPairs(windowOf([{ client: 'newcomer', server: 'w2-3', port: 80 }]));
    const [own, more] = [reference.graph(), reference.graph(extra)];
    for (const [name, index] of own.indexOf) expect(more.indexOf.get(name)).toBe(index);
    expect(more.graph.nodeCount).toBe(own.graph.nodeCount + 1);
    const record = JSON.parse(JSON.stringify(reference.record()));
    expect(ReferenceGraph.fromRecord(record).graph().graph).toEqual(own.graph);
  });
});

describe('edgeSurprisal', () => {
  const none = { pair: 0, together: 0, service: 0, serverServices: 0, serverService: 0 };
  const count = fc.integer({ min: 0, max: 500 });

  it('is the shared model alone where nothing is known', () => {
    expect(edgeSurprisal(none, 1.5).total).toBeCloseTo(-Math.log(sharedProbability(1.5)), 12);
  });

  it('sums its parts, is never negative, and is finite whatever a hostile model says', () => {
    const logit = fc.oneof(fc.double({ min: -50, max: 50 }), fc.constantFrom(Number.NaN, Infinity, -Infinity));
    fc.assert(
      fc.property(count, count, count, logit, (pair, more, service, given) => {
        const evidence = { pair, together: pair + more, service, serverServices: service + 1, serverService: service };
        const { total, pair: ofPair, service: ofService } = edgeSurprisal(evidence, given);
        expect(total).toBe(ofPair + ofService);
        expect(total).toBeGreaterThanOrEqual(-1e-9);
        expect(Number.isFinite(total)).toBe(true);
      }),
    );
  });

  it('falls with evidence for the pair, rises with chances that it did not take, and falls with the model’s odds', () => {
    fc.assert(
      fc.property(count, count, fc.double({ min: -7, max: 7, noNaN: true }), (pair, more, logit) => {
        const at = (active: number, together: number, odds: number) =>
          edgeSurprisal({ ...none, pair: active, together }, odds).pair;
        expect(at(pair + 1, pair + more + 1, logit)).toBeLessThanOrEqual(at(pair, pair + more + 1, logit));
        expect(at(pair, pair + more + 1, logit)).toBeGreaterThanOrEqual(at(pair, pair + more, logit));
        expect(at(pair, pair + more, logit + 0.5)).toBeLessThanOrEqual(at(pair, pair + more, logit));
      }),
    );
  });
});

describe('a tail', () => {
  it('gives shares between 0 and 1 that never rise with the score', () => {
    const scores = fc.array(fc.double({ min: 0, max: 30, noNaN: true }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(
        scores,
        fc.double({ min: -1, max: 60, noNaN: true }),
        fc.double({ min: 0, max: 9, noNaN: true }),
        (all, score, more) => {
          const tail = tailOf(all);
          if (tail === undefined) throw new Error('there were scores');
          const [low, high] = [pValueOf(tail, score + more), pValueOf(tail, score)];
          expect(low).toBeGreaterThan(0);
          expect(high).toBeLessThanOrEqual(1);
          expect(low).toBeLessThanOrEqual(high + 1e-12);
        },
      ),
    );
  });

  it('is calibrated: one in twenty of the scores it is made for passes 5 %', () => {
    const random = seededRandom(3);
    const draw = (count: number) => Array.from({ length: count }, () => -Math.log(1 - random()));
    const tail = tailOf(draw(4_000));
    if (tail === undefined) throw new Error('there were scores');
    for (const share of [0.3, 0.05, 0.01]) {
      const passed = draw(20_000).filter((score) => pValueOf(tail, score) <= share).length / 20_000;
      expect(passed / share).toBeGreaterThan(0.75);
      expect(passed / share).toBeLessThan(1.3);
    }
  });

  it('is none without scores', () => {
    expect(tailOf([Number.NaN])).toBeUndefined();
  });
});

describe('workloadRisk', () => {
  const p = fc.double({ min: 1e-12, max: 1, noNaN: true });

  it('is the track’s own where only one says anything, and nothing where none does', () => {
    fc.assert(
      fc.property(p, (pValue) => {
        const found = workloadRisk([{ pValue }, { pValue: undefined }])?.pValue as number;
        expect(Math.abs(Math.log(found / pValue))).toBeLessThan(1e-3);
      }),
    );
    expect(workloadRisk([{ pValue: undefined }])).toBeUndefined();
  });

  it('does not depend on the order, and rises when a track becomes surer', () => {
    fc.assert(
      fc.property(p, p, (a, b) => {
        const both = workloadRisk([{ pValue: a }, { pValue: b }])?.risk as number;
        expect(workloadRisk([{ pValue: b }, { pValue: a }])?.risk).toBeCloseTo(both, 9);
        expect(workloadRisk([{ pValue: a / 10 }, { pValue: b }])?.risk).toBeGreaterThanOrEqual(both - 1e-9);
      }),
    );
  });

  it('is calibrated for tracks that move together and for tracks that do not', () => {
    const random = seededRandom(9);
    for (const shared of [0, 0.5, 1]) {
      const draws = Array.from({ length: 40_000 }, () => {
        const a = random();
        const b = random() < shared ? a : random();
        return workloadRisk([{ pValue: a }, { pValue: b }])?.pValue as number;
      });
      const passed = draws.filter((value) => value <= 0.01).length / draws.length;
      expect(passed).toBeGreaterThan(0.006);
      expect(passed).toBeLessThan(0.014);
    }
  });

  it('reads a multiple of a threshold as a share', () => {
    expect(pValueOfThresholdMultiple(1, 0.01)).toBeCloseTo(0.01, 12);
    expect(pValueOfThresholdMultiple(0, 0.01)).toBe(1);
    expect(() => pValueOfThresholdMultiple(1, 0)).toThrow(/alert rate/);
  });
});
