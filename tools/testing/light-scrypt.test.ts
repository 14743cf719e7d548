import { scrypt, scryptSync } from 'node:crypto';
import { promisify } from 'node:util';
import { afterEach, expect, it } from 'vitest';

const derive = promisify<string, string, number, { N: number }, Buffer>(scrypt);
const at = (N: number) => scryptSync('secret', 'salt', 32, { N });

afterEach(() => {
  delete process.env.TESTUDO_WHOLE_SCRYPT;
});

it('asks a thirty-second of what a vault asks, in all test processes', async () => {
  expect(await derive('secret', 'salt', 32, { N: 2 ** 13 })).toEqual(at(2 ** 8));
});

it('asks all of it in a file that says so, and of what is small already', async () => {
  expect(await derive('secret', 'salt', 32, { N: 2 ** 8 })).toEqual(at(2 ** 8));
  process.env.TESTUDO_WHOLE_SCRYPT = 'yes';
  expect(await derive('secret', 'salt', 32, { N: 2 ** 13 })).toEqual(at(2 ** 13));
});
