import { describe, expect, it } from 'vitest';
import type { Trace } from '../../client/events/trace.ts';
import { castAntibodies } from './antibody-cast.ts';

let number = 0;
const many = (count: number, service: string, family = 'normal'): Trace[] =>
  Array.from({ length: count }, () => ({
    split: family === 'normal' ? 'train' : 'attack',
    cluster: undefined,
    service,
    family,
    name: service,
    calls: Uint16Array.of(1, 2, ++number),
  }));

const clusters = new Map([
  ['a', many(5, 'nginx')],
  ['b', [...many(3, 'redis'), ...many(30, 'git')]],
  ['c', many(5, 'nginx')],
  ['d', many(5, 'php')],
]);

describe('castAntibodies', () => {
  it('lets a canary find later what another has seen, of other contents, and the hostile one call the finder’s work an attack', () => {
    const attacks = [...many(9, 'nginx', 'Web_Shell'), ...many(6, 'git', 'Web_Shell'), ...many(20, 'git', 'scan')];
    const [cast, ...others] = castAntibodies({ canaries: ['a', 'b'] }, clusters, ['d'], attacks);
    expect(others).toEqual([]);
    expect(cast).toMatchObject({ family: 'web_shell', liar: 'd' });
    expect([cast?.maker, cast?.finder].sort()).toEqual(['a', 'b']);
    expect(new Set([...(cast?.seen ?? []), ...(cast?.later ?? [])].map(({ calls }) => calls[2])).size).toBe(15);
    const victim = cast?.finder === 'b' ? 'git' : 'nginx';
    expect(new Set(cast?.poison.map(({ service }) => service))).toEqual(new Set([victim]));
    expect(cast?.poison.length).toBe(victim === 'git' ? 20 : 5);
  });

  it('takes no trace for another that has the same calls, and is left out where no two canaries see the same', () => {
    const attacks = many(5, 'nginx', 'scan');
    expect(castAntibodies({ canaries: ['a', 'c'] }, clusters, ['d'], attacks)).toEqual([]);
    expect(castAntibodies({ canaries: ['a', 'b'] }, clusters, ['d'], attacks)).toEqual([]);
  });

  it('has an understudy for each family, that with the most traces first', () => {
    const attacks = [...many(8, 'nginx', 'scan'), ...many(12, 'nginx', 'web_shell'), ...many(7, 'nginx', 'rare')];
    const named = attacks.map((trace, at) => ({ ...trace, service: at % 2 === 0 ? 'nginx' : 'git' }));
    const casts = castAntibodies({ canaries: ['a', 'b'] }, clusters, ['d'], named);
    expect(casts.map(({ family }) => family)).toEqual(['web_shell', 'scan']);
  });
});
