import { describe, expect, it } from 'vitest';
import { Contents } from './contents.ts';

const said = (text: string) => Buffer.from(text);
const told = (entries: ReturnType<Contents['takeFresh']>) =>
  entries.map(({ example, count }) => [example.toString(), Number(count)]);

describe('Contents', () => {
  it('tells each content whole once, with how often it came, and after that only counts', () => {
    const contents = new Contents();
    expect(['a', 'b', 'a', 'a'].map((text) => contents.note('t', said(text)))).toEqual([true, true, false, false]);
    const fresh = contents.takeFresh(1_000);
    expect(told(fresh)).toEqual([
      ['a', 3],
      ['b', 1],
    ]);
    expect(contents.takeFresh(1_000)).toEqual([]);
    expect(contents.takeCounts()).toEqual([]);
    contents.note('t', said('a'));
    contents.note('t', said('a'));
    const counts = contents.takeCounts();
    expect(told(counts)).toEqual([['', 2]]);
    expect(counts[0]?.content).toEqual(fresh[0]?.content);
    expect(contents.takeCounts()).toEqual([]);
  });

  it('tells a content whole again that the hub does not know, and the same content of another track', () => {
    const contents = new Contents();
    contents.note('t', said('a'));
    const [first] = contents.takeFresh(1_000);
    contents.forget([first?.content ?? said('')]);
    expect(contents.note('t', said('a'))).toBe(true);
    expect(contents.note('u', said('a'))).toBe(true);
    expect(told(contents.takeFresh(1_000))).toHaveLength(2);
  });

  it('takes no more bytes at once than it may, but always one', () => {
    const contents = new Contents();
    for (const text of ['aaaa', 'bbbb', 'cccc']) contents.note('t', said(text));
    expect(told(contents.takeFresh(8))).toHaveLength(2);
    expect(contents.fresh).toEqual({ bytes: 4, count: 1 });
    expect(told(contents.takeFresh(1))).toEqual([['cccc', 1]]);
    for (const text of ['d', 'e', 'f']) contents.note('t', said(text));
    expect(told(contents.takeFresh(8, 2))).toHaveLength(2);
    expect(contents.fresh).toEqual({ bytes: 1, count: 1 });
  });

  it('remembers so many contents and no more', () => {
    const contents = new Contents(2);
    for (const text of ['a', 'b', 'c']) contents.note('t', said(text));
    contents.takeFresh(1_000);
    expect(contents.note('t', said('c'))).toBe(false);
    expect(contents.note('t', said('a'))).toBe(true);
  });
});
