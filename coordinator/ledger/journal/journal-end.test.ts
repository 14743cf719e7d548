import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openFiles } from '../../../base/testing/open-files.ts';
import { tempDir } from '../../testing/temp-dir.ts';
import { EndNote, readEnd } from './journal-end.ts';

const chain = 'ab'.repeat(32);

/** How many files of this process are open on the end of the journal. */
const descriptorsOf = (journal: string) => openFiles().filter((open) => open === `${journal}.end`).length;

it('an end is read as it was written last, from a file of one length that only its owner reads', () => {
  const journal = join(tempDir(), 'journal.sqlite');
  expect(readEnd(journal)).toBeUndefined();
  const note = new EndNote(journal);
  expect(readEnd(journal)).toBeUndefined();
  note.write({ seq: 123_456, chain });
  note.write({ seq: 7, chain });
  expect(readEnd(journal)).toEqual({ seq: 7, chain });
  expect(readFileSync(`${journal}.end`, 'utf8')).toBe(`0000000000000007 ${chain}\n`);
  expect(statSync(`${journal}.end`).mode & 0o777).toBe(0o600);
  expect(descriptorsOf(journal)).toBe(1);
  note.close();
  expect(descriptorsOf(journal)).toBe(0);
  const again = new EndNote(journal);
  expect(readEnd(journal)).toEqual({ seq: 7, chain });
  again.close();
  again.close();
  again.write({ seq: 8, chain });
  expect(readEnd(journal)).toEqual({ seq: 7, chain });
});

it('an end that is not whole says nothing', () => {
  const journal = join(tempDir(), 'journal.sqlite');
  const whole = `0000000000000007 ${chain}\n`;
  const texts = ['', whole.slice(0, -1), whole.slice(1), ` ${whole}`, `${whole}\n`, whole.replace('ab', 'xy')];
  for (const text of texts) {
    writeFileSync(`${journal}.end`, text);
    expect(readEnd(journal)).toBeUndefined();
  }
  writeFileSync(`${journal}.end`, whole);
  expect(readEnd(journal)).toEqual({ seq: 7, chain });
});

it('a place where no end can be written stops nothing', () => {
  const journal = join(tempDir(), 'journal.sqlite');
  mkdirSync(`${journal}.end`);
  const note = new EndNote(journal);
  note.write({ seq: 7, chain });
  note.close();
  expect(readEnd(journal)).toBeUndefined();
});
