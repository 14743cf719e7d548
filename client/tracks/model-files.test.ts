import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkModelPlace, readStoredModel, writeModelFiles } from './model-files.ts';

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const files = (text: string) => new Map([['weights.bin', Buffer.from(text)]]);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-model-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('writeModelFiles', () => {
  it('takes the place of a model, of an empty folder and of nothing, and leaves nothing beside it', async () => {
    await mkdir(at('empty'));
    for (const place of ['empty', 'new', 'new']) await writeModelFiles(at(place), files('1'));
    await writeModelFiles(at('new'), new Map([['spec.json', Buffer.from('2')]]));
    expect((await readdir(at('new'))).sort()).toEqual(['manifest.json', 'spec.json']);
    expect((await readdir(folder)).sort()).toEqual(['empty', 'new']);
  });

  it('removes nothing of a folder that is no model, and no file', async () => {
    await mkdir(at('home'));
    await writeFile(at('home', 'thesis.txt'), 'years of work');
    await writeFile(at('home', 'manifest.json'), '{"name":"an app of somebody"}');
    for (const place of ['home', 'home/thesis.txt']) {
      expect(await checkModelPlace(at(place))).toMatchObject({ ok: false, fault: { code: 'OUTPUT_UNWRITABLE' } });
      await expect(writeModelFiles(at(place), files('1'))).rejects.toThrow(
        /name (?:a new or empty folder|another place)/,
      );
    }
    expect(await readFile(at('home', 'thesis.txt'), 'utf8')).toBe('years of work');
  });

  it('leaves the model that was there where the new one cannot be written', async () => {
    await writeModelFiles(at('model'), files('old'));
    const unwritable = new Map([
      ['a', Buffer.from('new')],
      ['a/b', Buffer.from('a folder cannot have the name of a file')],
    ]);
    await expect(writeModelFiles(at('model'), unwritable)).rejects.toThrow(/EEXIST|ENOTDIR/);
    expect(await readFile(at('model', 'weights.bin'), 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['model']);
  });

  it('writes through a link to where it leads', async () => {
    await writeModelFiles(at('model'), files('old'));
    await symlink(at('model'), at('link'));
    await writeModelFiles(at('link'), files('new'));
    expect(await readFile(at('model', 'weights.bin'), 'utf8')).toBe('new');
  });
});

it('of a folder that is no model it is said what would be one', async () => {
  const read = await readStoredModel(folder);
  expect(read).toMatchObject({ ok: false, fault: { code: 'MODEL_UNREADABLE' } });
  expect(read.ok ? '' : read.fault.message).toContain('`testudo model train`');
});
