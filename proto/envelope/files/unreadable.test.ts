import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { failingRead } from '../testing/failing-read.ts';

const child = fileURLToPath(new URL('../testing/reading-child.ts', import.meta.url));

it('a payload on a disk that cannot be read is refused as such, wherever it breaks off, and is good once it can be', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'testudo-unreadable-'));
  try {
    const { env, flag } = failingRead(dir);
    const folder = path.join(dir, 'payloads');
    mkdirSync(folder);
    const told = execFileSync(process.execPath, [child, folder, flag], {
      ...{ encoding: 'utf8', env: { ...process.env, ...env } },
    });
    const unread = {
      ...{ code: 'STORAGE_FAILED', fields: { errno: 'EIO' } },
      message: 'open: read the sealed file: read failed with EIO; check the path, its rights and free space',
    };
    const refused = { ok: false, fault: unread };
    const good = { ok: true, value: expect.stringMatching(/^sha256:/) };
    expect(JSON.parse(told)).toEqual({
      ...{ whole: good, half: refused, seen: [0], first: 'read', second: unread, opened: refused },
      ...{ nothing: refused, anew: refused, healed: good },
    });
    expect(readdirSync(folder)).toEqual(['sealed']);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
