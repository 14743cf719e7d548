import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gramTableSpec, initialGramTable } from '../tracks/syscall/gram-table/gram-table.ts';
import { languageModelDetector } from '../tracks/syscall/language-model/language-model-detector.ts';
import { languageModelSpec } from '../tracks/syscall/language-model/language-model-spec.ts';
import { WorkloadClasses } from '../tracks/syscall/traces/workload-classes.ts';
import { countSwaps, type SwapStream } from './testing/swap-stream.ts';

const classes = new WorkloadClasses(['nginx']);
/** Different lengths and calls: two of them have the same score by no model. */
const examples = Array.from({ length: 24 }, (_, at) => ({
  workload: 'nginx',
  calls: Uint16Array.from({ length: 30 + at }, (_, call) => (call * (at + 3)) % 200),
}));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-swap-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function gramTables(): Pick<SwapStream, 'spec' | 'weights'> {
  const spec = gramTableSpec(classes, 2 ** 12);
  const zero = initialGramTable(spec);
  return { spec, weights: [zero.map((_, at) => (at % 97) / 9), zero.map((_, at) => (at % 31) / 5)] };
}

function languageModels(): Pick<SwapStream, 'spec' | 'weights'> {
  const detector = languageModelDetector(languageModelSpec(classes));
  return { spec: detector.spec, weights: [detector.init(1), detector.init(2)] };
}

describe('swapping the live model under a steady stream', () => {
  it.each([
    { name: 'gram table', models: gramTables, swaps: 40, batchSize: 8, everyMs: 4 },
    { name: 'TensorFlow language model', models: languageModels, swaps: 8, batchSize: 4, everyMs: 40 },
  ])(
    'scores every event once, in order, by the model that it names: $name',
    async ({ models, swaps, batchSize, everyMs }) => {
      const count = await countSwaps({ folder, ...models(), examples, swaps, batchSize, everyMs });
      expect(count.eventsIn).toBeGreaterThan(swaps);
      expect(count.eventsOut).toBe(count.eventsIn);
      expect(count.wrong).toBe(0);
      // Both models had their turn, and nobody else.
      const shares = Object.values(count.byModel);
      expect(shares.length).toBe(2);
      expect(shares[0] as number).toBeGreaterThan(0);
      expect((shares[0] as number) + (shares[1] as number)).toBe(count.eventsOut);
      expect(count.models).toBe(1);
      expect(count.tensors.after).toBe(count.tensors.before);
    },
  );
});
