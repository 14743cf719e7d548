import { expect, it } from 'vitest';
import { isListenAddress, problemsOfPorts } from './listen.ts';

it.each([
  ['127.0.0.1:0', true],
  ['0.0.0.0:65535', true],
  ['127.0.0.1:65536', false],
  ['127.0.0.1:99999', false],
  ['[::]:7441', true],
  ['[fd00::5]:9464', true],
  ['::1:9464', false],
  ['localhost:9464', true],
  ['localhost', false],
  [':9464', false],
  ['a b:1', false],
  ['127.0.0.1:9464\n', false],
])('%j is an address to listen on: %s', (text, is) => {
  expect(isListenAddress(text)).toBe(is);
});

it('two addresses of one process have no port in common, unless the kernel chooses', () => {
  expect(
    problemsOfPorts({ a: '127.0.0.1:1', b: '[::1]:2', c: '127.0.0.1:0', d: '[::1]:0', e: null, f: undefined }),
  ).toEqual([]);
  expect(problemsOfPorts({ a: '127.0.0.1:1', b: '0.0.0.0:1' })).toEqual(['b and a have the same port 1']);
});
