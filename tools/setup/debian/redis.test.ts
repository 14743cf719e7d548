import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ended } from '../../testing/scratch-checkout.ts';

const script = fileURLToPath(new URL('../../testing/install-redis-as-nobody.mjs', import.meta.url));
let bin: string;
beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), 'testudo-bin-'));
  chmodSync(bin, 0o755);
});
afterEach(() => rmSync(bin, { recursive: true }));

const refusal = async () => {
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, PATH: bin },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return JSON.parse((await ended(child)).stdout);
};

it('says what to type where Debian’s package manager is there but we may not use it', async () => {
  writeFileSync(join(bin, 'apt-get'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  expect(await refusal()).toEqual({
    step: 'Redis',
    cause: 'redis-server is not on PATH, and we may not install it',
    remedy: 'type: sudo apt-get install redis-server',
  });
});

it('says what is needed where there is no apt-get', async () => {
  expect(await refusal()).toMatchObject({ remedy: expect.stringContaining('install Redis 7') });
});
