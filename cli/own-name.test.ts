import { execFile } from 'node:child_process';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { tempDir } from '../coordinator/testing/temp-dir.ts';

const testudo = fileURLToPath(new URL('testudo.ts', import.meta.url));
const nobody = 54_321;

it.runIf(process.getuid?.() === 0)(
  'a user without a name, as containers have them, gives words and orders',
  async () => {
    const folder = tempDir();
    mkdirSync(join(folder, 'evidence'));
    writeFileSync(join(folder, 'evidence/evidence.key'), '');
    for (const path of [folder, join(folder, 'evidence')]) chownSync(path, nobody, nobody);
    const run = (...words: string[]) =>
      promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', testudo, ...words], {
        ...{ uid: nobody, gid: nobody, cwd: '/', env: {} }, // What the tests' own processes load lies where only they read.
      });
    expect((await run('feedback', '--help')).stdout).toContain(`(default: "uid ${nobody}")`);
    const order = await run('quarantine', 'resume', '-d', folder, '-r', 'seen', '--json');
    expect(JSON.parse(order.stdout)).toMatchObject({ kind: 'resume', by: `uid ${nobody}` });
  },
);
