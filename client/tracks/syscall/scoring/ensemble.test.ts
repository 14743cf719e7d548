import { describe, expect, it } from 'vitest';
import { unwrap } from '../../../../base/fault.ts';
import { layoutOf } from '../../../../proto/layout.ts';
import { checkSpec } from '../../../../proto/model-spec.ts';
import { openDetector, openSyscallLearner } from '../architectures.ts';
import { syscallDetector } from '../detectors.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { ensembleMembers, ensembleSpec } from './ensemble.ts';

const classes = new WorkloadClasses(['web']);
const table = syscallDetector('gram-table', classes);
const language = syscallDetector('lstm-lm', classes);
const ensemble = syscallDetector('ensemble', classes);
const web = { service: 'web', calls: Uint16Array.from({ length: 200 }, (_, i) => 10 + (i % 4)) };
const strange = { ...web, calls: Uint16Array.from({ length: 50 }, (_, i) => 20 + ((i * 7) % 31)) };

describe('an ensemble', () => {
  it('is a legal spec that gives its members back', async () => {
    expect(checkSpec(ensemble.spec).ok).toBe(true);
    expect(ensembleMembers(ensemble.spec)).toEqual([table.spec, language.spec]);
    expect((await openDetector(ensemble.spec)).spec).toEqual(ensemble.spec);
    expect(layoutOf(ensemble.spec).length).toBe(layoutOf(table.spec).length + layoutOf(language.spec).length);
    expect(() => ensembleSpec([table.spec])).toThrow(RangeError);
    expect(() => ensembleMembers(table.spec)).toThrow(RangeError);
  });

  it("surprises as the mean of its members' probabilities, and goes on without one that is not a number", () => {
    const { weights } = ensemble.train(ensemble.init(1), [web], { seed: 1, steps: 20 });
    const size = layoutOf(table.spec).length;
    const parts = [table.open(weights.slice(0, size)), language.open(weights.slice(size))];
    const [ofTable, ofLanguage] = parts.map((part) => part.surprisal([strange])[0] as Float32Array);
    const opened = ensemble.open(weights);
    const [together] = opened.surprisal([strange]) as [Float32Array];
    for (const [place, value] of together.entries()) {
      const p = (Math.exp(-(ofTable?.[place] as number)) + Math.exp(-(ofLanguage?.[place] as number))) / 2;
      expect(value).toBeCloseTo(-Math.log(p), 3);
    }
    const attacked = weights.map((value, index) => (index < size ? value : Number.NaN));
    const survivor = ensemble.open(attacked);
    expect(survivor.surprisal([strange])[0]).toEqual(ofTable);
    for (const one of [...parts, opened, survivor]) one.close();
  });

  it('learns every member in a round', async () => {
    const base = ensemble.init(1);
    const learner = unwrap(await openSyscallLearner(ensemble.spec, base, { seed: 1, stepsMax: 10 }));
    const examples = Array.from({ length: 8 }, () => ({ workload: 'web', calls: web.calls }));
    for (const batch of learner.batches(examples, 16, 3)) learner.step(batch, { learningRate: 0.01 });
    const learnt = learner.weights();
    learner.close();
    const size = layoutOf(table.spec).length;
    expect(learnt.slice(0, size)).not.toEqual(base.slice(0, size));
    expect(learnt.slice(size)).not.toEqual(base.slice(size));
  });
});
