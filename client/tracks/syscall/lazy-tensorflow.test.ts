import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);

/** A process of its own that learns and scores as a client does, and says what it loaded (Linux: its memory map). */
async function loadedBy(detector: string): Promise<{ tensorflow: boolean; score: number; rssMiB: number }> {
  const here = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
  const program = `
    import { readFileSync } from 'node:fs';
    const { trackKind } = await import(${here('./track.ts')});
    const { WorkloadClasses } = await import(${here('./traces/workload-classes.ts')});
    const classes = new WorkloadClasses(['nginx']);
    const make = {
      'gram-table': async () => (await import(${here('./gram-table/gram-table.ts')})).gramTableSpec(classes),
      'lstm-lm': async () => (await import(${here('./language-model/language-model-spec.ts')})).languageModelSpec(classes),
    };
    const spec = await make[${JSON.stringify(detector)}]();
    const { layoutOf } = await import(${here('../../../proto/layout.ts')});
    const base = new Float32Array(layoutOf(spec).length);
    const examples = [{ workload: 'nginx', calls: Uint16Array.from({ length: 50 }, (_, at) => 2 + (at % 5)) }];
    const learner = (await trackKind.openLearner(spec, base, { seed: 1, stepsMax: 1 })).value;
    for (const batch of learner.batches(examples, 8, 1)) learner.step(batch, { learningRate: 0.01 });
    const scorer = await trackKind.openScorer(spec, learner.weights(), examples);
    const [{ scores }] = scorer.score(examples);
    const tensorflow = readFileSync('/proc/self/maps', 'utf8').includes('libtensorflow');
    console.log(JSON.stringify({ tensorflow, score: scores[0], rssMiB: process.memoryUsage.rss() / 2 ** 20 }));
  `;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program];
  const { stdout } = await run(process.execPath, args);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

describe('the syscall track', () => {
  it('loads TensorFlow for a model that needs it, and none for a gram table', async () => {
    const table = await loadedBy('gram-table');
    expect(table.tensorflow).toBe(false);
    expect(Number.isFinite(table.score)).toBe(true);
    const network = await loadedBy('lstm-lm');
    expect(network.tensorflow).toBe(true);
    expect(table.rssMiB).toBeLessThan(network.rssMiB);
  });
});
