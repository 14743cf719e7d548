import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { seededRandom } from '../../base/random.ts';
import { contentKey, type Trace } from '../../client/events/trace.ts';
import { splitDataset } from './dataset.ts';

function trace(split: string, calls: number[], name = `${split}-${calls.join('.')}`): Trace {
  const family = split === 'attack' ? 'reverse_shell' : 'normal';
  return { split, cluster: undefined, service: 'web', family, name, calls: Uint16Array.from(calls) };
}
const many = (split: string, count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => trace(split, [from + i, 1, 2]));
const keys = (traces: readonly Trace[]) => new Set(traces.map(({ calls }) => contentKey(calls)));

describe('splitDataset', () => {
  it('learns what the file marks for training, repeats included, and never judges by a content it has learnt', () => {
    const traces = [
      ...many('train', 30),
      trace('train', [0, 1, 2], 'again'),
      ...many('validation', 10, 25),
      ...many('attack', 5, 500),
    ];
    const { training, unseen, leftOut } = unwrap(splitDataset(traces, 0, seededRandom(1)));
    expect(training).toHaveLength(31);
    expect(unseen.filter(({ split }) => split === 'validation')).toHaveLength(5);
    expect(keys(training).isDisjointFrom(keys(unseen))).toBe(true);
    expect(leftOut).toEqual(['5 unseen traces equal to one that is learnt or to each other']);
  });

  it('draws by content where nothing is marked, the same under a seed', () => {
    const traces = [...many('normal', 100), ...many('normal', 100), ...many('attack', 9, 500)];
    const { training, unseen } = unwrap(splitDataset(traces, 0, seededRandom(2)));
    expect(training).toHaveLength(140);
    expect(unseen.filter(({ split }) => split === 'normal')).toHaveLength(30);
    expect(keys(training).isDisjointFrom(keys(unseen))).toBe(true);
    expect(unwrap(splitDataset(traces, 0, seededRandom(2))).training).toEqual(training);
  });

  it('leaves out attacks that look like normal traces to the call, and says so', () => {
    const traces = [
      ...many('train', 30),
      ...many('validation', 3, 100),
      ...many('attack', 2),
      ...many('attack', 2, 500),
    ];
    const { unseen, leftOut } = unwrap(splitDataset(traces, 7, seededRandom(1)));
    expect(unseen.filter(({ split }) => split === 'attack')).toHaveLength(2);
    expect(leftOut).toEqual(['7 lines that are no traces', '2 attack traces equal to a normal one']);
  });

  it.each([
    ['no attacks', [...many('train', 30), ...many('validation', 3, 100)]],
    ['nothing to learn', [...many('train', 3), ...many('validation', 3, 100), ...many('attack', 3, 200)]],
    ['nothing at all', []],
  ])('refuses a file with %s and says what is needed', (_, traces) => {
    expect(splitDataset(traces, 0, seededRandom(1))).toMatchObject({ ok: false, fault: { code: 'DATA_TOO_SMALL' } });
  });
});
