import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeliverResponse } from '../../proto/generated/testudo/v1/sensors.ts';
import { messageBytesMax } from '../../proto/wire-names.ts';
import { Levels, type Sketch } from './levels.ts';

function sketch(level: number, over: Partial<Sketch> = {}): Sketch {
  return { track: 'syscall', model: '1/sha256:a', group: 'nginx', count: 100, usual: 0, level, ...over };
}

describe('Levels', () => {
  it('has none before there are scores enough, and then the median of what sensors say', () => {
    const levels = new Levels();
    levels.hear('a', sketch(1));
    expect(levels.all()).toEqual([]);
    levels.hear('b', sketch(2));
    expect(levels.all()).toMatchObject([{ group: 'nginx', usual: 0, level: 1.5 }]);
    levels.hear('c', sketch(30));
    expect(levels.all()).toMatchObject([{ level: 2 }]);
  });

  it('says no more than fits into one message, however long the names are that sensors make up', () => {
    const levels = new Levels();
    levels.hear('a', sketch(1, { count: 300 }));
    for (let at = 0; at < 4_000; at++) {
      levels.hear(
        `liar ${at % 8}`,
        sketch(9, { count: 300, model: 'm'.repeat(256), group: `${at}`.padStart(256, '€') }),
      );
    }
    levels.hear('b', sketch(2, { count: 300 }));
    const answer = DeliverResponse.fromPartial({ levels: { version: 1n, levels: [...levels.all()] } });
    const bytes = DeliverResponse.encode(answer).finish().length;
    expect(bytes).toBeGreaterThan(messageBytesMax / 2);
    expect(bytes).toBeLessThan(messageBytesMax - 4_096 * 18);
    expect(levels.all().at(-1)).toMatchObject({ group: 'nginx', level: 1.5 });
  });

  it('changes its version where a level changes, and only there', () => {
    const levels = new Levels();
    levels.hear('a', sketch(1, { count: 300 }));
    const { version } = levels;
    levels.hear('a', sketch(1, { count: 400 }));
    expect(levels.version).toBe(version);
    levels.hear('a', sketch(2, { count: 400 }));
    expect(levels.version).toBe(version + 1);
  });

  it('stays within what honest sensors say, as long as fewer than half of all lie', () => {
    const value = fc.double({ min: 0, max: 1e9, noNaN: true });
    const sound = fc.array(fc.double({ min: 1, max: 5, noNaN: true }), { minLength: 3, maxLength: 9 });
    fc.assert(
      fc.property(sound, fc.array(value, { maxLength: 8 }), (honest, lies) => {
        const levels = new Levels();
        for (const [at, level] of honest.entries()) levels.hear(`h${at}`, sketch(level));
        for (const [at, level] of lies.slice(0, honest.length - 1).entries()) levels.hear(`l${at}`, sketch(level));
        const [said] = levels.all();
        expect(said?.level).toBeGreaterThanOrEqual(Math.min(...honest));
        expect(said?.level).toBeLessThanOrEqual(Math.max(...honest));
      }),
    );
  });

  it('hears no sensor with a handful of scores, and none that says what is no level', () => {
    const levels = new Levels();
    levels.hear('a', sketch(1, { count: 1_000 }));
    levels.hear('b', sketch(9, { count: 3 }));
    levels.hear('c', sketch(Number.POSITIVE_INFINITY));
    levels.hear('d', sketch(-5));
    expect(levels.all()).toMatchObject([{ level: 1 }]);
  });

  it('counts what a sensor said no longer once it is forgotten', () => {
    const levels = new Levels();
    for (const [at, sensor] of ['a', 'b', 'liar'].entries()) levels.hear(sensor, sketch([1, 2, 900][at] as number));
    expect(levels.all()).toMatchObject([{ level: 2 }]);
    const { version } = levels;
    levels.forget('liar');
    expect([levels.all()[0]?.level, levels.version]).toEqual([1.5, version + 1]);
    levels.forget('a');
    levels.forget('b');
    expect([levels.all(), levels.version]).toEqual([[], version + 2]);
  });

  it('lets no sensor that makes up groups have those of others forgotten', () => {
    const levels = new Levels();
    for (const sensor of ['a', 'b']) levels.hear(sensor, sketch(1));
    for (let at = 0; at < 10_000; at++) levels.hear('liar', sketch(9, { count: 300, group: `made up ${at}` }));
    expect(levels.all()).toHaveLength(513);
    expect(levels.all()[0]).toMatchObject({ group: 'nginx', level: 1 });
    // What it speaks of still is not what goes.
    levels.hear('liar', sketch(9, { count: 300, group: 'made up 9488' }));
    levels.hear('liar', sketch(9, { count: 300, group: 'another' }));
    const groups = levels.all().map(({ group }) => group);
    expect([groups.includes('made up 9488'), groups.includes('made up 9489')]).toEqual([true, false]);
  });

  it('keeps no place for groups of which too little was said to count', () => {
    const levels = new Levels();
    for (const sensor of ['a', 'b']) levels.hear(sensor, sketch(1));
    for (let at = 0; at < 10_000; at++) levels.hear('liar', sketch(9, { count: 19, group: `made up ${at}` }));
    expect(levels.all()).toMatchObject([{ group: 'nginx', level: 1 }]);
  });

  it('holds so many groups and no more', () => {
    const levels = new Levels({ warmUp: 1, sensorScoresMin: 1, groupsMax: 2, groupsOfSensorMax: 8 });
    for (const group of ['a', 'b', 'c']) levels.hear('s', sketch(1, { group }));
    expect(levels.all().map(({ group }) => group)).toEqual(['b', 'c']);
  });
});
