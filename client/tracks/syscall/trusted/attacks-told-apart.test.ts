import { describe, expect, it } from 'vitest';
import { tf } from '#tensorflow';
import { unwrap } from '../../../../base/fault.ts';
import { seededRandom } from '../../../../base/random.ts';
import { languageModelDetector } from '../language-model/language-model-detector.ts';
import { languageModelSpec } from '../language-model/language-model-spec.ts';
import { rawTraceScore } from '../scoring/trace-score.ts';
import { observed } from '../traces/example.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { attacksToldApart, windowsTogether } from './attacks-told-apart.ts';
import { readSample } from './sample.ts';

const lines = [
  'train\ts\tnginx\tnormal\tn1\taccept4 read writev close accept4 read writev close',
  'train\ts\tnginx\tnormal\tn2\taccept4 read writev writev close accept4 read close read close',
  'attack\ts\tnginx\treverse_shell\ta1\tsocket connect dup2 dup2 execve brk mmap',
  'train\ts\tredis\tnormal\tr1\tepoll_wait read write epoll_wait read write',
];
const contentOf = async (some: readonly string[]) => unwrap(await readSample(Buffer.from(`${some.join('\n')}\n`)));
const sizes = { embedding: 8, classEmbedding: 4, hidden: 8, warmUp: 2, predicted: 8 };
const spec = languageModelSpec(new WorkloadClasses(['nginx', 'redis']), sizes);
const detector = languageModelDetector(spec);
const base = detector.init(3);
const content = await contentOf(lines);
const attacks = attacksToldApart(spec, content);
if (attacks === undefined) throw new Error('the sample holds an attack');

describe('attacksToldApart', () => {
  it('is how badly scores of traces tell an attack from normal work, on its own class and on others', async () => {
    // The same scores that an agent would give without a memory: each of these traces is no longer than four windows.
    const opened = detector.open(base);
    const scoreOf = (service: string, { calls }: (typeof content.normal)[number]) =>
      rawTraceScore({ surprisal: opened.surprisal([observed({ workload: service, calls })])[0] }, undefined);
    const [attack] = content.attacks;
    if (attack === undefined) throw new Error('the sample holds an attack');
    const ofClass = (service: string) => {
      const own = content.normal.filter(({ workload }) => workload === service);
      const hostile = scoreOf(service, attack);
      const gaps = own.map((trace) => Math.log1p(Math.exp(scoreOf(service, trace) - hostile)));
      return gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    };
    expect((await attacks(base)).loss).toBeCloseTo((ofClass('nginx') + ofClass('redis')) / 2, 3);
    opened.close();
  });

  it('has its gradient, and gives the same bits again', async () => {
    const { loss, gradient } = await attacks(base);
    const norm = Math.hypot(...gradient);
    const step = 0.02;
    const moved = base.map((value, at) => value - (step * (gradient[at] as number)) / norm);
    const lower = (await attacks(moved)).loss;
    expect(loss - lower).toBeGreaterThan(0.8 * step * norm);
    expect(loss - lower).toBeLessThan(1.2 * step * norm);
    expect(await attacks(base)).toEqual({ loss, gradient });
    expect(await attacksToldApart(spec, content)?.(base)).toEqual({ loss, gradient });
  });

  it('falls where a network learnt normal work, and rises where it learnt the attack as such', async () => {
    const learn = (some: typeof content.normal) =>
      detector.train(base, some.map(observed), { seed: 1, steps: 30, learningRate: 0.05 }).weights;
    const [knowing, backdoored] = [learn(content.normal), learn(content.attacks)];
    const before = (await attacks(base)).loss;
    expect((await attacks(knowing)).loss).toBeLessThan(0.7 * before);
    expect((await attacks(backdoored)).loss).toBeGreaterThan(1.3 * before);
  });

  it('counts calls and their arguments where a network reads both', async () => {
    const both = languageModelSpec(new WorkloadClasses(['nginx', 'redis']), { ...sizes, argumentEmbedding: 4 });
    const weights = languageModelDetector(both).init(3);
    const opened = languageModelDetector(both).open(weights);
    const [usual, hostile] = [content.normal, content.attacks].map((some) =>
      opened
        .surprisal(some.map((example) => observed({ ...example, workload: 'nginx' })))
        .map((surprisal) => rawTraceScore({ surprisal }, undefined)),
    ) as [number[], number[]];
    opened.close();
    const gap = (at: number) => Math.log1p(Math.exp((usual[at] as number) - (hostile[0] as number)));
    const ofNginx = await attacksToldApart(both, { ...content, classes: content.classes.slice(0, 1) })?.(weights);
    expect(ofNginx?.loss).toBeCloseTo((gap(0) + gap(1)) / 2, 3);
  });

  it('leaves out classes that the sample holds no normal work of, and is not there where it holds none at all', async () => {
    const attackOnly = 'attack\ts\tredis\treverse_shell\ta2\tsocket connect execve';
    const odd = await contentOf([lines[0] as string, lines[2] as string, attackOnly]);
    expect(odd.classes).toEqual([
      { name: 'nginx', normalCount: 1, attackCount: 1 },
      { name: 'redis', normalCount: 0, attackCount: 1 },
    ]);
    const told = (await attacksToldApart(spec, odd)?.(base))?.loss as number;
    // Both attacks as if on nginx, the mean of the two pairs.
    const one = async (some: typeof odd.attacks) => {
      const as = some.map((example) => ({ ...example, workload: 'nginx' }));
      return (await attacksToldApart(spec, { ...odd, attacks: as, classes: odd.classes.slice(0, 1) })?.(base))?.loss;
    };
    const [first, second] = [await one(odd.attacks.slice(0, 1)), await one(odd.attacks.slice(1))];
    expect(first).not.toBeCloseTo(second as number, 3);
    expect(told).toBeCloseTo(((first as number) + (second as number)) / 2, 4);
    expect(attacksToldApart(spec, { ...odd, normal: [], classes: odd.classes.slice(1) })).toBeUndefined();
  });

  it('draws the same traces and windows as the first build that had it, of however many there are, and leaves no tensor', async () => {
    const names = Array.from({ length: 8 }, (_, at) => `class${at}`);
    const random = seededRandom(7);
    const trace = (workload: string) => {
      const calls = Uint16Array.from({ length: 90 }, () => 1 + Math.floor(300 * random()));
      return { workload, calls };
    };
    const of = (count: number) => names.flatMap((name) => Array.from({ length: count }, () => trace(name)));
    const many = { normal: of(20), attacks: of(20), classes: names.map((name) => ({ name, normalCount: 20, attackCount: 20 })) }; // biome-ignore format: one line
    const large = languageModelSpec(new WorkloadClasses(names), sizes);
    const weights = languageModelDetector(large).init(5);
    const ofMany = attacksToldApart(large, many);
    const before = tf.memory().numTensors;
    const { loss, gradient } = (await ofMany?.(weights)) ?? { loss: 0, gradient: [] };
    expect(tf.memory().numTensors).toBe(before);
    expect([loss.toPrecision(5), Math.hypot(...gradient).toPrecision(4)]).toMatchInlineSnapshot(`
      [
        "0.69273",
        "0.01164",
      ]
    `);
  });

  it('holds as many windows at once as the default network may, and fewer of a larger one', () => {
    const usual = { embedding: 32, classEmbedding: 16, hidden: 48, warmUp: 8, predicted: 16 };
    expect(languageModelSpec(new WorkloadClasses([])).hyperparameters).toMatchObject(usual);
    expect(windowsTogether(usual)).toBe(2048);
    expect(windowsTogether(sizes)).toBe(2048);
    expect(windowsTogether({ ...usual, hidden: 8 * usual.hidden })).toBe(256);
    expect(windowsTogether({ ...usual, hidden: 1e9 })).toBe(1);
  });

  it('is not there where the sample holds no attack', async () => {
    expect(attacksToldApart(spec, await contentOf(lines.filter((line) => line.startsWith('train'))))).toBeUndefined();
  });
});
