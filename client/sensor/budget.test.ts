import { describe, expect, it } from 'vitest';
import { type BudgetReading, type BudgetState, startingBudget, stepOnReading } from './budget.ts';

const limits = { coresMax: 0.1, rssBytesMax: 150, loadMax: 4 };
const quiet: BudgetReading = { cores: 0.01, rssBytes: 140, load: 0.5 };

function stateAfter(readings: readonly BudgetReading[], from: BudgetState = startingBudget): BudgetState {
  return readings.reduce((state, reading) => stepOnReading(state, reading, limits), from);
}
const times = (count: number, reading: BudgetReading) => Array.from({ length: count }, () => reading);

describe('stepOnReading', () => {
  it('goes down a step after three readings in a row over any limit, and says which', () => {
    expect(stateAfter(times(2, { ...quiet, cores: 0.5 }))).toMatchObject({ step: 'full' });
    expect(stateAfter(times(3, { ...quiet, cores: 0.5 }))).toMatchObject({ step: 'sampled', because: 'cores' });
    expect(stateAfter(times(3, { ...quiet, rssBytes: 151 }))).toMatchObject({ step: 'sampled', because: 'memory' });
    expect(stateAfter(times(6, { ...quiet, load: 9 }))).toMatchObject({ step: 'dangerous', because: 'load' });
    expect(stateAfter(times(60, { ...quiet, load: 9 }))).toMatchObject({ step: 'dangerous' });
  });

  it('is not moved by single readings', () => {
    const spikes = Array.from({ length: 40 }, (_, at) => (at % 3 === 0 ? quiet : { ...quiet, cores: 0.9 }));
    expect(stateAfter(spikes)).toMatchObject({ step: 'full' });
  });

  it('goes up a step after half a minute with half of the budget unused, one step at a time', () => {
    const down = stateAfter(times(6, { ...quiet, cores: 0.5 }));
    expect(stateAfter(times(29, quiet), down)).toMatchObject({ step: 'dangerous' });
    expect(stateAfter(times(30, quiet), down)).toMatchObject({ step: 'sampled' });
    expect(stateAfter(times(60, quiet), down)).toMatchObject({ step: 'full', because: undefined });
    // Below the limit is not enough: the step above costs more.
    expect(stateAfter(times(300, { ...quiet, cores: 0.08 }), down)).toMatchObject({ step: 'dangerous' });
  });

  it('does not look at a load that it was told nothing of', () => {
    const busy = { ...quiet, load: 99 };
    const state = times(9, busy).reduce(
      (now, one) => stepOnReading(now, one, { ...limits, loadMax: null }),
      startingBudget,
    );
    expect(state.step).toBe('full');
  });
});
