import { describe, expect, it } from 'vitest';
import { unwrap } from '../../../../base/fault.ts';
import { languageModelDetector } from '../language-model/language-model-detector.ts';
import { languageModelSpec } from '../language-model/language-model-spec.ts';
import { rawTraceScore } from '../scoring/trace-score.ts';
import { observed } from '../traces/example.ts';
import { WorkloadClasses } from '../traces/workload-classes.ts';
import { attacksToldApart } from './attacks-told-apart.ts';
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

  it('is not there where the sample holds no attack', async () => {
    expect(attacksToldApart(spec, await contentOf(lines.filter((line) => line.startsWith('train'))))).toBeUndefined();
  });
});
