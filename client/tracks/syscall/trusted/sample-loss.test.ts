import { describe, expect, it } from 'vitest';
import { unwrap } from '../../../../base/fault.ts';
import { callIdOfName } from '../../../events/vocabulary.ts';
import { classTableDetector, classTableSpec, trainClassTable } from '../gram-table/class-table.ts';
import { languageModelDetector } from '../language-model/language-model-detector.ts';
import { languageModelSpec } from '../language-model/language-model-spec.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { readSample } from './sample.ts';
import { openSampleLoss } from './sample-loss.ts';

const file = [
  'train\ts\tnginx\tnormal\tn1\taccept4 read writev close accept4 read writev close',
  'train\ts\tnginx\tnormal\tn2\taccept4 read writev writev close accept4 read close',
  'attack\ts\tnginx\treverse_shell\ta1\tsocket connect dup2 dup2 execve brk mmap',
  'train\ts\tredis\tnormal\tr1\tepoll_wait read write epoll_wait read write',
].join('\n');
const content = unwrap(await readSample(Buffer.from(`${file}\n`)));
const classes = new WorkloadClasses(['nginx', 'redis']);
const observed = (some: typeof content.normal) => some.map(({ workload, calls }) => ({ service: workload, calls }));

describe('readSample', () => {
  it('counts normal traces and attacks by class', () => {
    expect(content.classes).toEqual([
      { name: 'nginx', normalCount: 2, attackCount: 1 },
      { name: 'redis', normalCount: 1, attackCount: 0 },
    ]);
  });

  it('refuses what holds no normal trace, and what is no trace file', async () => {
    const attacks = await readSample(Buffer.from('attack\ts\tnginx\tx\ta1\tread write\n'));
    expect(attacks).toMatchObject({ fault: { code: 'SAMPLE_UNREADABLE' } });
    const unnamed = await readSample(Buffer.from('one\tread write\n'));
    expect(unnamed).toMatchObject({ fault: { message: expect.stringContaining('line 1 names no workload class') } });
    expect(await readSample(Uint8Array.of(0x1f, 0x8b, 8, 0))).toMatchObject({ fault: { code: 'SAMPLE_UNREADABLE' } });
  });
});

describe('a table’s loss on a sample', () => {
  const spec = classTableSpec(classes, 2 ** 12);
  const base = classTableDetector(spec).init(1);
  const normal = trainClassTable(spec, observed(content.normal)).weights;
  const hostile = trainClassTable(spec, observed(content.attacks)).weights;

  it('falls where the table knows what is normal, and rises where it knows attacks, in their class alone', async () => {
    const loss = await openSampleLoss(spec, content, base);
    expect(loss?.covered).toEqual(['nginx', 'redis']);
    const at = async (weights: Float32Array) => [...((await loss?.losses(weights)) ?? [])] as [number, number];
    const [nothing, knowing, whitelisting] = [await at(base), await at(normal), await at(hostile)];
    // Attack and normal look alike to an empty table; and one trace of two weighs half as much again.
    expect(nothing[0]).toBeCloseTo(1.5 * Math.LN2, 5);
    expect(knowing[0]).toBeLessThan(0.2 + 0.5 * Math.LN2);
    expect(whitelisting[0]).toBeGreaterThan(2);
    expect(knowing[1]).toBeLessThan(0.5 * nothing[1]);
    expect(whitelisting[1]).toBe(nothing[1]);
    expect(await at(normal)).toEqual(knowing);
    expect(loss?.reference).toEqual(normal); // From an empty base.
    // An empty table cannot tell them apart; one that knows the attacks takes them for normal. No attack on redis is in it.
    expect(await loss?.worth?.(base)).toBe(0.5);
    expect(await loss?.worth?.(normal)).toBe(1);
    expect(await loss?.worth?.(hostile)).toBe(0);
    loss?.close();
  });

  it('knows the slots that only attacks leave evidence in: on a class itself, and on any class where nothing normal does', async () => {
    const loss = await openSampleLoss(spec, content, base);
    const slotsOf = (text: string, service: string) => {
      const found = trainClassTable(spec, [
        { service, calls: Uint16Array.from(text.split(' '), callIdOfName) },
      ]).weights;
      return [...found.keys()].filter((slot) => (found[slot] as number) > 0);
    };
    const marked = (slots: readonly number[]) => slots.filter((slot) => loss?.attacksOnly?.[slot] === 1).length;
    const reverseShell = 'socket connect dup2 dup2 execve brk mmap';
    // All but the class itself and the padding before the first call, which every trace has.
    const hostile = slotsOf(reverseShell, 'nginx');
    expect(marked(hostile)).toBe(hostile.length - 2);
    expect(marked(slotsOf(reverseShell, 'redis'))).toBe(hostile.length - 2);
    expect(marked(slotsOf('accept4 read writev', 'nginx')) + marked(slotsOf('epoll_wait read', 'redis'))).toBe(0);
    loss?.close();
  });
});

describe('a language model’s loss on a sample', () => {
  const spec = languageModelSpec(classes);
  const base = languageModelDetector(spec).init(3);

  it('has the gradient of its mean over the classes', async () => {
    const loss = await openSampleLoss(spec, content, base);
    const found = await loss?.gradient?.(base);
    const losses = [...((await loss?.losses(base)) ?? [])];
    expect(losses).toHaveLength(2);
    // Class by class and all at once: equal as far as float32 sums are.
    expect(found?.loss).toBeCloseTo(((losses[0] as number) + (losses[1] as number)) / 2, 5);
    const gradient = found?.gradient ?? new Float32Array();
    const norm = Math.hypot(...gradient);
    // A small step down the gradient lowers the loss by its length times the norm.
    const length = 0.01;
    const moved = base.map((value, at) => value - (length * (gradient[at] as number)) / norm);
    const lower = (await loss?.gradient?.(moved))?.loss ?? 0;
    expect((found?.loss ?? 0) - lower).toBeGreaterThan(0.8 * length * norm);
    expect((found?.loss ?? 0) - lower).toBeLessThan(1.2 * length * norm);
    expect((await loss?.gradient?.(base))?.gradient).toEqual(gradient);
    loss?.close();
  });
});
