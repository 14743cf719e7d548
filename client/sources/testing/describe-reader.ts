import { describe, expect, it } from 'vitest';
import type { SourceItem } from '../../events/source-item.ts';
import { mutants } from './mutations.ts';
import { readLines } from './read-lines.ts';
import type { ReaderTable } from './reader-case.ts';

/** 10⁴ in every run of the tests; the campaign sets 10⁵ and more. */
const mutationCount = Number(process.env.TESTUDO_FUZZ_MUTATIONS ?? 10_000);
const perFile = 10_000;

/** The tests of a reader: every case of its table, and mutants of all of its lines, none of which may be lost silently. */
export function describeReader(table: ReaderTable): void {
  describe(`${table.source} › ${table.title}`, () => {
    it.each(table.cases.map((one) => [`${one.tool} ${one.versions}: ${one.shape}`, one] as const))(
      'reads %s',
      async (_, { lines, items }) => {
        const read = await readLines(table, lines);
        expect(read).toMatchObject(items);
      },
    );

    const { withAddress } = table;
    if (withAddress !== undefined) {
      it.each(addressSpellings)('knows %s in every spelling', async (address, spellings) => {
        const [expected] = sourcesOf(await readLines(table, withAddress(address)));
        expect(expected).toBeDefined();
        for (const spelling of spellings) {
          expect([spelling, ...sourcesOf(await readLines(table, withAddress(spelling)))]).toEqual([spelling, expected]);
        }
      });
    }

    it(`throws nothing and accounts for every line of ${mutationCount} mutants`, { timeout: 600_000 }, async () => {
      const lines = [...new Set(table.cases.flatMap((one) => one.lines))].filter((line) => line !== '');
      for (let done = 0; done < mutationCount; done += perFile) {
        const made = [...mutants(lines, Math.min(perFile, mutationCount - done), 1 + done)];
        expect(await unaccounted(table, made)).toEqual([]);
      }
    });
  });
}

/** The same for every reader: an IPv4 address within an IPv6 one, brackets, zones, letters and zeros. */
const addressSpellings: readonly (readonly [string, readonly string[]])[] = [
  ['10.244.5.3', ['::ffff:10.244.5.3', '::FFFF:10.244.5.3', '::ffff:0af4:0503', '[::ffff:10.244.5.3]']],
  ['fd00::7', ['fd00:0:0::7', 'FD00::0007', '[fd00::7]', 'fd00:0000:0000:0000:0000:0000:0000:0007', 'fd00::7%eth0']],
];

function sourcesOf(items: readonly SourceItem[]) {
  return items.flatMap((item) => (item.kind === 'flow' ? [item.flow.source] : []));
}

const decoder = new TextDecoder();

/** What is wrong with the sum read + skipped = lines: nothing, or the sum and up to five lines that spoil it. */
async function unaccounted(table: ReaderTable, lines: readonly Uint8Array[]): Promise<string[]> {
  const sum = await sumOf(table, lines);
  if (sum === undefined) return [];
  const spoilers: string[] = [];
  for (const line of table.itemsOfLine === 'records' ? [] : lines) {
    if (spoilers.length < 5 && (await sumOf(table, [line])) !== undefined) spoilers.push(decoder.decode(line));
  }
  return [sum, ...spoilers];
}

/** undefined: it adds up. */
async function sumOf(table: ReaderTable, lines: readonly Uint8Array[]): Promise<string | undefined> {
  const { isQuiet = () => false, itemsOfLine = 'one' } = table;
  const texts = lines.map((line) => decoder.decode(line));
  // Zeros are a hole, left by a writer that does not append.
  const speaking = texts.filter((text) => /[^\0\s]/.test(text) && !isQuiet(text)).length;
  const items = (await readLines(table, lines)).filter(({ kind }) => kind !== 'repaired').length;
  const addsUp = { one: items === speaking, some: items >= speaking, records: items <= lines.length };
  return addsUp[itemsOfLine] ? undefined : `${items} items of ${speaking} lines that say something`;
}
