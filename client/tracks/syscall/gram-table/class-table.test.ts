import { describe, expect, it } from 'vitest';
import { unwrap } from '../../../../base/fault.ts';
import { classBlocksOf } from '../../../../proto/class-blocks.ts';
import type { ClassName } from '../../../../proto/ids.ts';
import { callIdOfName } from '../../../events/vocabulary.ts';
import type { Observed } from '../../detector.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { classTableDetector, classTableSpec, openClassTable, trainClassTable } from './class-table.ts';
import { classTableLearner } from './class-table-learner.ts';

const spec = classTableSpec(new WorkloadClasses(['nginx', 'redis', 'other']), 2 ** 10);

function trace(service: string, ...names: string[]): Observed {
  return { service, calls: Uint16Array.from(names, callIdOfName) };
}
const web = trace('nginx', 'accept4', 'read', 'writev', 'close');
const store = trace('redis', 'read', 'write', 'epoll_wait');
const unnamed = trace('cron', 'clone', 'execve', 'wait4');

/** Sum of the evidence in each block. */
function byClass(weights: Float32Array): Record<string, number> {
  return Object.fromEntries(
    (classBlocksOf(spec)?.blocks ?? []).map(({ className, offset, length }) => [
      className,
      weights.subarray(offset, offset + length).reduce((sum, value) => sum + value, 0),
    ]),
  );
}

describe('trainClassTable', () => {
  it('writes counts of one norm to the blocks of what it saw, and to no other', () => {
    const { weights, classes, examples } = trainClassTable(spec, [web, web, store]);
    expect(classes).toEqual(['nginx', 'redis']);
    expect(examples).toBe(2);
    expect(Math.hypot(...weights)).toBeCloseTo(4, 5);
    expect(weights.every((value) => value >= 0)).toBe(true);
    const { nginx = 0, redis = 0, other } = byClass(weights);
    expect(nginx).toBeGreaterThan(redis);
    expect(redis).toBeGreaterThan(1);
    expect(other).toBe(0);
  });

  it('passes over classes that it may not speak for, and takes unnamed workloads for the class "other"', () => {
    expect(trainClassTable(spec, [web, store], new Set(['redis'])).classes).toEqual(['redis']);
    expect(trainClassTable(spec, [unnamed, web]).classes).toEqual(['nginx', 'other']);
    const without = classTableSpec(new WorkloadClasses(['nginx']), 2 ** 10);
    expect(trainClassTable(without, [unnamed, web]).classes).toEqual(['nginx']);
  });
});

describe('openClassTable', () => {
  it('knows a trace in the class that learnt it, and not in another', () => {
    const opened = openClassTable(spec, trainClassTable(spec, [web]).weights);
    const mean = (values: Float32Array | undefined) => (values ?? new Float32Array(1)).reduce((a, b) => a + b, 0) / 4;
    const [known, elsewhere] = opened.surprisal([web, { ...web, service: 'redis' }]);
    expect(mean(known)).toBeLessThan(0.6 * mean(elsewhere));
  });

  it('reads nothing out of what a hostile aggregate could hold', () => {
    const weights = classTableDetector(spec)
      .init(1)
      .map((_, slot) => [Number.NaN, -5, Number.POSITIVE_INFINITY][slot % 3] as number);
    const [surprisal] = openClassTable(spec, weights).surprisal([web]);
    expect(surprisal?.every(Number.isFinite)).toBe(true);
  });
});

describe('classTableSpec', () => {
  it('refuses names that can be no label of a cluster', () => {
    expect(() => classTableSpec(new WorkloadClasses(['Nginx']))).toThrow('Nginx');
    expect(() => classTableSpec(new WorkloadClasses([]))).toThrow('1 to 64 classes');
    expect(() => classTableSpec(new WorkloadClasses(Array.from({ length: 65 }, (_, at) => `c${at}`)))).toThrow(
      RangeError,
    );
  });
});

describe('classTableLearner', () => {
  const base = classTableDetector(spec).init(1);
  const examples = [web, store].map(({ service, calls }) => ({ workload: service, calls }));

  it('learns approved classes alone, and says which it learnt', () => {
    const learner = unwrap(classTableLearner(spec, base, ['other', 'redis'] as ClassName[]));
    for (const batch of learner.batches(examples, 64, 1)) learner.step(batch, { learningRate: 1 });
    expect(learner.classes?.()).toEqual(['redis']);
    expect(byClass(learner.weights()).nginx).toBe(0);
  });

  it('refuses a cluster that was approved for nothing, and says how it is', () => {
    expect(classTableLearner(spec, base, [])).toMatchObject({
      fault: { code: 'MODEL_UNUSABLE', message: expect.stringContaining('`testudo clusters approve`') },
    });
  });
});
