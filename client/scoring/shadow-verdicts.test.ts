import { expect, it } from 'vitest';
import { digestOf } from '../../proto/digest.ts';
import { gramTableSpec } from '../tracks/syscall/gram-table/gram-table.ts';
import { WorkloadClasses } from '../tracks/syscall/traces/workload-classes.ts';
import { JudgedModel } from './judged-model.ts';
import { comparedWith } from './shadow-verdicts.ts';

const model = {
  kindModule: 'none',
  spec: gramTableSpec(new WorkloadClasses(['sshd']), 2 ** 12),
  version: 2,
  digest: digestOf(Buffer.from('weights')),
  weightsPath: 'none',
  scorerOptions: {},
  bufferPath: 'none',
  bufferSizes: { reservoir: 1, recent: 1, hard: 1, regression: 1 },
  dataKey: Buffer.alloc(32, 1),
};
const usual = Array.from({ length: 100 }, (_, at) => at / 100);

it('is alarmed by what rates add to the scores of a model in shadow, whose threshold learns the scores alone', () => {
  const beside = new JudgedModel(
    model,
    { normal: new Map([['sshd', usual]]), remarks: [], holds: { fromMs: 0, untilMs: 1 } },
    { rule: { kind: 'quantile', alertRate: 0.01 }, warmUp: 20, windowMax: 500 },
  );
  const before = beside.level('sshd');
  const rates = { p: 1e-6, unusual: [], alertRate: 0.01 };
  const verdict = { place: 0, score: 2, threshold: 1, raised: true, rates, byRates: true };
  for (let minute = 0; minute < 50; minute++) {
    const scores = {
      model: beside.name,
      microseconds: 1,
      scores: [{ groups: ['sshd'], scores: Float64Array.of(0.5) }],
    };
    const live = { version: 1, verdicts: [verdict], scores };
    expect(comparedWith(scores, beside, live).shadow.alarms).toEqual([true]);
  }
  expect(beside.level('sshd')).toBeLessThanOrEqual(before);
});
