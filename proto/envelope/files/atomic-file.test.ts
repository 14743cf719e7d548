import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AtomicFile, readFully, storageFault } from './atomic-file.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'testudo-atomic-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

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

describe('readFully', () => {
  it('fills its target, or stops where the file ends', () => {
    const target = path.join(dir, 'a');
    writeFileSync(target, 'abcdef');
    const fd = openSync(target, 'r');
    const bytes = Buffer.alloc(4);
    expect(readFully(fd, bytes, 1)).toBe(4);
    expect(bytes.toString()).toBe('bcde');
    expect(readFully(fd, bytes, 4)).toBe(2);
    expect(readFully(fd, bytes, 6)).toBe(0);
  });
});

describe('storageFault', () => {
  it('says what failed and why, without the path', () => {
    let caught: unknown;
    try {
      openSync(path.join(dir, 'secret-name'), 'r');
    } catch (error) {
      caught = error;
    }
    const fault = storageFault('open: read', caught);
    expect(fault).toMatchObject({ code: 'STORAGE_FAILED', fields: { errno: 'ENOENT' } });
    expect(JSON.stringify(fault)).not.toContain('secret-name');
  });

  it('throws on what is no system error', () => {
    expect(() => storageFault('x', new TypeError('bug'))).toThrow('bug');
    expect(() => storageFault('x', undefined)).toThrow();
  });
});
