import { existsSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../coordinator/testing/temp-dir.ts';
import { makeFolder } from './atomic-file.ts';

function codeOf(path: string): string | undefined {
  try {
    return makeFolder(path) ?? 'there';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

it('makes what is missing, with its mode, and says where it began', () => {
  const root = tempDir();
  expect(makeFolder(join(root, 'a', 'b', '..', 'c'), 0o700)).toBe(join(root, 'a'));
  expect(statSync(join(root, 'a', 'c')).mode & 0o777).toBe(0o700);
  expect(makeFolder(join(root, 'a', 'd'))).toBe(join(root, 'a', 'd'));
  expect(makeFolder(join(root, 'a'))).toBeUndefined();
  symlinkSync(join(root, 'a'), join(root, 'link'));
  expect(makeFolder(join(root, 'link', 'e'))).toBe(join(root, 'link', 'e'));
  expect(existsSync(join(root, 'a', 'e'))).toBe(true);
});

it("throws the system's error wherever it can make none, and comes back from a file system that takes no folders", () => {
  const root = tempDir();
  writeFileSync(join(root, 'file'), '');
  symlinkSync(join(root, 'nowhere'), join(root, 'dangling'));
  expect(codeOf(join(root, 'file'))).toBe('EEXIST');
  expect(codeOf(join(root, 'file', 'below'))).toBe('ENOTDIR');
  expect(codeOf(join(root, 'dangling'))).toBe('EEXIST');
  expect(codeOf(join(root, 'dangling', 'below'))).toBe('EEXIST');
  for (const place of ['/proc/nothing', '/proc/nothing/below', '/proc/self/fd/below', '/proc/self/task/x/y/z']) {
    expect({ place, code: codeOf(place) }).toEqual({ place, code: 'ENOENT' });
  }
});
