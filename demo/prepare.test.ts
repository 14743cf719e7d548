import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { tempDir } from '../coordinator/testing/temp-dir.ts';
import { recordedPath } from '../lab/data/recorded-traces.ts';
import { prepare } from './prepare.ts';

const options = {
  abi: 'x86_64',
  partition: undefined,
  detector: 'class-table',
  rule: undefined,
  tracks: ['syscall'],
  ...{ clusters: 8, hostile: 2, rounds: 2, seed: 1, out: '' },
} as const;

describe('prepare', () => {
  it('names the detector that it makes, also where it is not the one that was asked for', async () => {
    const renamed = join(tempDir(), 'renamed.tsv');
    const rows = gunzipSync(await readFile(recordedPath)).toString();
    await writeFile(renamed, rows.replaceAll(/^(\w+\t\w+\t)/gm, '$1Team/'));
    const nameFor = async (data: string) => {
      const { detectorName, leftOut } = unwrap(await prepare({ ...options, data }));
      return [detectorName, leftOut.some((text) => text.startsWith('blocks by class'))];
    };
    expect(await nameFor(recordedPath)).toEqual(['class-table', false]);
    expect(await nameFor(renamed)).toEqual(['gram-table', true]);
  });
});
