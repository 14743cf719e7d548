import { describe, expect, it } from 'vitest';
import { readYaml } from './read-yaml.ts';

describe('readYaml', () => {
  it.each([
    ['nothing', '', null],
    ['JSON', '{"a": [1, null, "x"]}', { a: [1, null, 'x'] }],
    ['an anchor that is used twice', 'a: &one [1]\nb: *one\nc: *one\n', { a: [1], b: [1], c: [1] }],
    ['a member named __proto__, as a member', '__proto__: {a: 1}', JSON.parse('{"__proto__":{"a":1}}')],
  ])('reads %s', (_, text, value) => expect(readYaml(text)).toEqual({ ok: true, value }));

  it.each([
    ['no YAML', 'a: [1'],
    ['a member twice', 'a: 1\na: 2'],
    ['a tag that nobody knows', 'level: !warn secret'],
    ['an alias that ends with a colon', 'a: &b x\n*b: c'],
    ['an alias of what is not there', 'a: *b'],
    ['two documents', 'a: 1\n---\nb: 2'],
    ['more uses of an anchor than are allowed', `a: &a [1]\nb: [${Array(101).fill('*a').join(', ')}]`],
  ])('refuses %s', (_, text) => {
    expect(readYaml(text)).toMatchObject({ ok: false, fault: { code: 'YAML_INVALID' } });
  });

  it.each([
    // Ended the whole process: the stack was full where a regular expression had to be compiled.
    ['lists', '['.repeat(8_000)],
    ['objects', `${'{a: '.repeat(8_000)}1${'}'.repeat(8_000)}`],
    ['dashes', `${'- '.repeat(8_000)}a`],
    ['blocks', Array.from({ length: 8_000 }, (_, at) => `${' '.repeat(at)}a:\n`).join('')],
  ])('refuses %s that are nested without an end', (_, text) => {
    expect(readYaml(text)).toMatchObject({ ok: false, fault: { message: 'nested deeper than 200' } });
  });

  it('reads a hundred lists in lists, a text of brackets and a line of dashes', () => {
    expect(readYaml(`a: |\n  ${'-'.repeat(300)}\n`)).toEqual({ ok: true, value: { a: `${'-'.repeat(300)}\n` } });
    expect(readYaml(`${'['.repeat(100)}${']'.repeat(100)}`).ok).toBe(true);
    expect(readYaml('a: "]]]["\nb: [1]\n')).toEqual({ ok: true, value: { a: ']]][', b: [1] } });
  });

  it('says nothing of a line on which something is wrong, neither in the fault nor as a warning', async () => {
    const warned: Error[] = [];
    const listen = (warning: Error) => void warned.push(warning);
    process.on('warning', listen);
    const read = readYaml('password: !x hunter2\n');
    await new Promise((resolve) => setImmediate(resolve));
    process.removeListener('warning', listen);
    expect(warned).toEqual([]);
    expect(read.ok ? '' : read.fault.message).toContain('line 1');
    expect(JSON.stringify(read)).not.toContain('hunter2');
  });
});
