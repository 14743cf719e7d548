import { execFile, execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failingSync } from '../coordinator/testing/failing-sync.ts';
import {
  AtomicFile,
  discardWriting,
  openAtomic,
  partialOf,
  writeFileAtomic,
  writeNewFile,
  writingPlaceOf,
} from './atomic-file.ts';

const execFileAsync = promisify(execFile);

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'testudo-atomic-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('writeFileAtomic', () => {
  it('replaces the content, keeps it private and leaves no temporary file', async () => {
    const file = path.join(dir, 'atomic/nested/file');
    await writeFileAtomic(file, 'first');
    await writeFileAtomic(file, 'second');
    expect(await readFile(file, 'utf8')).toBe('second');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(path.join(dir, 'atomic/nested'))).toEqual(['file']);
  });

  it('leaves the old content when the new one cannot be put in place', async () => {
    const file = path.join(dir, 'taken');
    await writeFileAtomic(path.join(file, 'child'), 'a folder is in the way');
    await expect(writeFileAtomic(file, 'x')).rejects.toThrow();
    expect(await readdir(dir)).toEqual(['taken']);
  });
});

describe('a name that is no file', () => {
  const read = (pipe: string) => execFileAsync('cat', [pipe]);

  it('is written to and stays what it is: a pipe, and a link to standard output', async () => {
    const [pipe, link, kept] = ['pipe', 'link', 'kept'].map((name) => path.join(dir, name)) as [string, string, string];
    execFileSync('mkfifo', [pipe]);
    const reading = read(pipe);
    await writeFileAtomic(pipe, 'through a pipe');
    expect((await reading).stdout).toBe('through a pipe');
    expect(lstatSync(pipe).isFIFO()).toBe(true);

    writeFileSync(kept, '');
    const opened = openSync(kept, 'w');
    symlinkSync(`/proc/self/fd/${opened}`, link);
    await writeFileAtomic(link, 'through a link');
    closeSync(opened);
    expect(readFileSync(kept, 'utf8')).toBe('through a link');
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect((await readdir(dir)).sort()).toEqual(['kept', 'link', 'pipe']);
  });

  it('is not removed where what was written to it is of no use', async () => {
    const pipe = path.join(dir, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const reading = read(pipe);
    const writing = await openAtomic(pipe);
    await writing.abandon();
    expect((await reading).stdout).toBe('');
    await discardWriting(writingPlaceOf(pipe), pipe);
    expect(lstatSync(pipe).isFIFO()).toBe(true);
  });

  it('a user’s file is written beside itself', () => {
    expect(writingPlaceOf(path.join(dir, 'new'))).toBe(partialOf(path.join(dir, 'new')));
  });
});

describe('AtomicFile', () => {
  it('appears whole at its commit, over an older file, readable by its owner alone', () => {
    const target = path.join(dir, 'a');
    writeFileSync(target, 'old');
    const file = new AtomicFile(target);
    file.write(Buffer.from('ne'));
    file.write(Buffer.from('w'));
    expect(readFileSync(target, 'utf8')).toBe('old');
    expect(readdirSync(dir).filter((name) => /^a\.[0-9a-f]{16}\.partial$/.test(name))).toHaveLength(1);
    file.commit();
    expect(readFileSync(target, 'utf8')).toBe('new');
    expect(readdirSync(dir)).toEqual(['a']);
    expect(statSync(target).mode & 0o777).toBe(0o600);
    file.abandon();
    expect(readdirSync(dir)).toEqual(['a']);
  });

  it('leaves nothing when it is abandoned, and cannot be used afterwards', () => {
    const file = new AtomicFile(path.join(dir, 'a'));
    file.write(Buffer.from('x'));
    file.abandon();
    file.abandon();
    expect(readdirSync(dir)).toEqual([]);
    expect(() => file.write(Buffer.from('x'))).toThrow(/already/);
    expect(() => file.commit()).toThrow(/already/);
  });

  it('leaves nothing when its commit fails', () => {
    const file = new AtomicFile(path.join(dir, 'a'));
    rmSync(dir, { recursive: true });
    expect(() => file.commit()).toThrow(/ENOENT/);
    file.abandon();
  });
});

describe('what is durable', () => {
  /** What each writer does on a disk whose fsync fails, in a process of its own. */
  function onBrokenDisk(body: string): unknown {
    const { env, flag } = failingSync(dir);
    writeFileSync(flag, '');
    const module = JSON.stringify(new URL('./atomic-file.ts', import.meta.url).href);
    const program = path.join(dir, 'program.mjs');
    writeFileSync(
      program,
      `import { writeFileSync } from 'node:fs';
      import * as files from ${module};
      const codes = {};
      const attempt = async (name, write) => {
        codes[name] = await (async () => write(${JSON.stringify(dir)} + '/' + name))().then(() => 'written', (error) => error.code);
      };
      ${body}
      process.stdout.write(JSON.stringify(codes));`,
    );
    return JSON.parse(execFileSync(process.execPath, [program], { env: { ...process.env, ...env }, encoding: 'utf8' }));
  }

  it('is refused where the disk cannot sync it; what is not durable is written', () => {
    const codes = onBrokenDisk(`
      await attempt('whole', (path) => files.writeFileAtomic(path, 'x'));
      await attempt('cache', (path) => files.writeFileAtomic(path, 'x', { durable: false }));
      await attempt('pieces', (path) => new files.AtomicFile(path).commit());
      await attempt('cached-pieces', (path) => new files.AtomicFile(path).commit({ durable: false }));
      await attempt('given', (path) => { writeFileSync(path + '.part', 'x'); return files.commitFile(path + '.part', path); });
      await attempt('new', (path) => files.writeNewFile(path, 'x'));`);
    expect(codes).toEqual({
      whole: 'EIO',
      cache: 'written',
      pieces: 'EIO',
      'cached-pieces': 'written',
      given: 'EIO',
      new: 'EIO',
    });
    const written = readdirSync(dir).filter(
      (name) => !/^(?:failing-sync\.(?:c|so)|disk-is-broken|program\.mjs)$/.test(name),
    );
    expect(written.sort()).toEqual(['cache', 'cached-pieces', 'given.part', 'new']);
  });

  it('syncs the folder after the rename, by the given function where there is one', async () => {
    const target = path.join(dir, 'a');
    const synced: [string, boolean][] = [];
    const syncFolder = async (folder: string) => void synced.push([folder, existsSync(target)]);
    await writeFileAtomic(target, 'x', { syncFolder });
    expect(synced).toEqual([[dir, true]]);
    await writeFileAtomic(target, 'y', { syncFolder, durable: false });
    expect(synced).toHaveLength(1);
  });
});

describe('openAtomic', () => {
  it('takes pieces through its handle, and writes over what a killed writer of the same partial left', async () => {
    const target = path.join(dir, 'a');
    writeFileSync(partialOf(target), 'a longer half of something');
    const writing = await openAtomic(target, { mode: 0o640, temporary: partialOf(target) });
    await writing.file.appendFile('ne');
    await writing.file.appendFile('w');
    expect(readdirSync(dir)).toEqual(['a.partial']);
    await writing.commit();
    await writing.abandon();
    expect(await readFile(target, 'utf8')).toBe('new');
    const left = await openAtomic(target);
    await left.abandon();
    await left.abandon();
    expect(readdirSync(dir)).toEqual(['a']);
  });
});

describe('writeNewFile', () => {
  it('never writes over what is there', async () => {
    const target = path.join(dir, 'key');
    writeNewFile(target, 'mine');
    expect(() => writeNewFile(target, 'yours')).toThrow(/EEXIST/);
    expect(await readFile(target, 'utf8')).toBe('mine');
    expect((await stat(target)).mode & 0o777).toBe(0o600);
  });
});
