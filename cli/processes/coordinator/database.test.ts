import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';

const testudo = fileURLToPath(new URL('../../testudo.ts', import.meta.url));

// A password that is not there is told before anybody is called.
it('leaves no copy of the journal behind, whoever ends the process, and asks nothing of a database for a wrong word', () => {
  const folder = tempDir();
  const [temporary, config, to] = [join(folder, 'tmp'), join(folder, 'coordinator.yaml'), join(folder, 'out')];
  mkdirSync(temporary);
  const settings = {
    federation: 'herd',
    dataDirectory: './data',
    masterKey: { file: './master.key' },
    journal: { postgres: { address: 'postgres://testudo@127.0.0.1/testudo', password: { file: './none' } } },
  };
  writeFileSync(config, JSON.stringify(settings));
  const run = (...words: readonly string[]) =>
    spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', testudo, 'coordinator', ...words], {
      env: { ...process.env, TMPDIR: temporary },
      encoding: 'utf8',
    });
  const { status, stderr } = run('export-audit', '--unsigned', '--to', to, '-c', config);
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('SECRET_UNAVAILABLE') });
  expect(readdirSync(temporary)).toEqual([]);
  const wrong = run('prove', '--entry', '0', '--to', to, '-c', config);
  expect(wrong).toMatchObject({ status: 2, stderr: expect.stringContaining('--entry: expected a position from 1') });
}, 600_000);
