import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tempDir } from '../coordinator/testing/temp-dir.ts';
import { unwrap } from './fault.ts';
import { lockFolder } from './folder-lock.ts';

describe('a locked folder', () => {
  it('refuses a second holder by name, and is free after release', () => {
    const dir = join(tempDir(), 'data');
    const lock = unwrap(lockFolder(dir));
    const second = lockFolder(dir);
    expect(second).toMatchObject({ ok: false, fault: { code: 'FOLDER_IN_USE' } });
    expect(!second.ok && second.fault.message).toContain(`process ${process.pid} on`);
    lock.release();
    lock.release();
    unwrap(lockFolder(dir)).release();
  });

  it('refuses while another process holds it, and is free once that process was killed', async () => {
    const dir = join(tempDir(), 'data');
    const program = fileURLToPath(new URL('./testing/hold-lock.ts', import.meta.url));
    const holder = spawn(process.execPath, [program, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void holder.kill('SIGKILL'));
    await once(holder.stdout, 'data');
    const second = lockFolder(dir);
    expect(!second.ok && second.fault.message).toContain(`process ${holder.pid} on`);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    unwrap(lockFolder(dir)).release();
  });

  it('is ours alone, whatever the umask and whatever mode it had', () => {
    const umask = process.umask(0);
    onTestFinished(() => void process.umask(umask));
    const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
    const dir = join(tempDir(), 'data');
    mkdirSync(dir, { mode: 0o777 });
    writeFileSync(join(dir, 'lock'), '', { mode: 0o666 });
    unwrap(lockFolder(dir)).release();
    expect([dir, join(dir, 'lock'), join(dir, 'lock-holder.json')].map(modeOf)).toEqual(['700', '600', '600']);
  });

  it('says so when the directory cannot be used', () => {
    const file = join(tempDir(), 'file');
    writeFileSync(file, '');
    expect(lockFolder(join(file, 'data'))).toMatchObject({ ok: false, fault: { code: 'FOLDER_UNUSABLE' } });
  });
});
