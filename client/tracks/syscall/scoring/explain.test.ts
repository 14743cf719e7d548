import { describe, expect, it } from 'vitest';
import { callIdOfName } from '../../../events/vocabulary.ts';
import { evidenceOf, gramSurprisal, gramTableSpec, trainGramTable } from '../gram-table/gram-table.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { explainTrace, explanationText, normalWindows } from './explain.ts';

const spec = gramTableSpec(new WorkloadClasses(['web']), 2 ** 12);
const loop = ['accept4', 'read', 'openat', 'write', 'close'].map(callIdOfName);
const normal = Uint16Array.from({ length: 100 }, (_, place) => loop[place % loop.length] as number);
const { weights } = trainGramTable(spec, [{ calls: normal, service: 'web' }]);
const evidence = evidenceOf(spec, weights);
const surprisalOf = (calls: Uint16Array) => gramSurprisal(evidence, calls, 1);
const hostile = normal.slice();
hostile.set([callIdOfName('ptrace')], 63);
const background = normalWindows([normal]);

describe('explainTrace', () => {
  const explanation = explainTrace(hostile, surprisalOf, background);

  it('points at the call that is out of place, in the window that holds it', () => {
    expect(explanation.calls[0]).toMatchObject({ position: 63, name: 'ptrace' });
    expect(explanation.window.start).toBeLessThanOrEqual(63);
    expect(explanation.window.start + 20).toBeGreaterThan(63);
    const [most] = [...explanation.window.calls].sort((a, b) => b.attribution - a.attribution);
    expect(most).toMatchObject({ position: 63, name: 'ptrace' });
  });

  it('shares out exactly the difference between the window and its background', () => {
    const shared = explanation.window.calls.reduce((sum, { attribution }) => sum + attribution, 0);
    expect(shared).toBeCloseTo(explanation.window.score - explanation.window.background, 6);
  });

  it('finds the normal window that differs in that one call only', () => {
    const { nearest, window } = explanation;
    expect(nearest?.differing).toEqual([63 - window.start]);
    expect(nearest?.calls).toHaveLength(20);
  });

  it('says it in words, the same every time', () => {
    const text = explanationText(explanation);
    expect(text).toMatch(/^least expected calls: ptrace at 63/);
    expect(text).toContain('carried by: ptrace at 63 +');
    expect(explanationText(explainTrace(hostile, surprisalOf, background))).toBe(text);
  });

  it('explains a trace of one call, and one without a background', () => {
    const one = explainTrace(hostile.slice(63, 64), surprisalOf, []);
    expect(one.window.calls).toHaveLength(1);
    expect(one.nearest).toBeUndefined();
    expect(explanationText(one)).toContain('no normal window to compare with');
    expect(() => explainTrace(new Uint16Array(0), surprisalOf, [])).toThrow(/nothing to explain/);
  });
});
