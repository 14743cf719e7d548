import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { bringPackages } from './packages.mjs';

const run = promisify(execFile);

test('bringPackages › makes what a test and a process that it starts import by a name, with all that Node finds in it', async () => {
  const place = pathToFileURL(`${await bringPackages()}/grpc-grpc-js.mjs`).href;
  expect(await import(place)).toBe(grpc);
  const original = await import(createRequire(import.meta.url).resolve('@grpc/grpc-js'));
  expect(original).not.toBe(grpc);
  const names = Object.keys(original).filter((name) => name !== '__esModule');
  expect(Object.keys(grpc).sort()).toEqual(names.sort());

  const program = `
    const same = (await import(${JSON.stringify(place)})) === (await import('@grpc/grpc-js'));
    process.stdout.write(String(same));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: import.meta.dirname,
  });
  expect(stdout).toBe('true');
});
