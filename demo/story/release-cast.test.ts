import { describe, expect, it } from 'vitest';
import type { Trace } from '../../client/events/trace.ts';
import { castReleases } from './release-cast.ts';

const trace = (service: string, split: string): Trace => ({
  split,
  cluster: undefined,
  service,
  family: split === 'attack' ? 'ransomware' : 'normal',
  name: service,
  calls: Uint16Array.of(1, 2, 3),
});
const many = (count: number, service: string, split = 'validation') =>
  Array.from({ length: count }, () => trace(service, split));

const clusters = new Map([
  ['a', many(5, 'nginx', 'train')],
  ['b', many(5, 'redis', 'train')],
  ['c', many(5, 'postgres', 'train')],
  ['d', many(5, 'git', 'train')],
]);

describe('castReleases', () => {
  it('takes two honest clusters with traffic of their own as canaries, and pins a third', () => {
    const unseen = [...many(300, 'nginx'), ...many(30, 'redis'), ...many(3, 'nginx', 'attack'), ...many(50, 'git')];
    const cast = castReleases(clusters, ['d'], unseen, 1);
    expect(cast?.canaries).toEqual(['a', 'b']);
    expect(castReleases(clusters, ['d'], unseen, 2)).toBeUndefined(); // Three are wanted, and c sees nothing.
    expect(cast?.pinned).toBe('c');
    expect(cast?.traffic.get('a')).toHaveLength(120);
    expect(cast?.attacks.get('a')).toHaveLength(3);
    expect(cast?.attacks.get('b')).toEqual([]);
  });

  it('leaves the story out where too few clusters are honest or see anything', () => {
    expect(castReleases(clusters, ['c', 'd'], [...many(30, 'nginx'), ...many(30, 'redis')], 1)).toBeUndefined();
    expect(castReleases(clusters, [], many(300, 'nginx'), 1)).toBeUndefined();
  });
});
