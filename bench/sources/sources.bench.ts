import { readFile } from 'node:fs/promises';
import type { ReaderTable } from '../../client/sources/testing/reader-case.ts';
import { readerTables } from '../../client/sources/testing/tables/all.ts';
import type { Bench, BenchOptions } from '../harness/bench.ts';
import { figure, interleave, median, processorSecondsOf } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';
import { checkCases, countItems, hardLines, readableLines, type Sample, samplesOf, withFile } from './samples.ts';

/** A source may hold everybody up for so long with one line. */
const lineMsMax = 50;

/** Readers of which more is asked than that they do not get slower: a share of the yardstick. */
const promised: Readonly<Record<string, number>> = { tetragonFile: 0.5 };

export const bench: Bench = {
  name: 'sources',
  summary:
    "Each source's events a second from a file, beside JSON.parse or a split of the same bytes; and its worst line of 1 MiB.",
  run,
};

async function run(options: BenchOptions, report: Report): Promise<void> {
  const wanted = readerTables.filter(
    ({ source, title }) => options.only === undefined || `${source} ${title}`.includes(options.only),
  );
  for (const table of wanted) await checkCases(table);
  await throughput(wanted, options, report);
  await worstLines(wanted, options, report);
}

async function throughput(tables: readonly ReaderTable[], options: BenchOptions, report: Report): Promise<void> {
  const bytes = options.small ? 200_000 : 16 * 2 ** 20;
  const rows: string[][] = [];
  for (const table of tables) {
    for (const sample of await samplesOf(table, bytes)) rows.push(await timed(table, sample, options, report));
  }
  report.text(
    `## From a file to items\n\nThe lines of each reader's table, over and over, ${figure(bytes / 2 ** 20)} MiB, through the follower that the client uses, by the processor's time, median of ${options.repeat}. The yardstick reads the same file in the same run and makes every line an object (JSON.parse) or a list of words (split at blanks), and nothing of it. Lines that say nothing by themselves give no item. Where a file's first lines say how the rest is read, each tool has a file of a quarter of the size.`,
  );
  report.table(['source', 'lines/s', 'items/s', 'MB/s', 'yardstick', 'speed of it', 'promised'], rows);
}

/** A row of the page. */
async function timed(table: ReaderTable, sample: Sample, options: BenchOptions, report: Report): Promise<string[]> {
  return await withFile(sample.text, async (file) => {
    const items = await countItems(table, file);
    if (items === 0) throw new Error(`${sample.name}: nothing was read`);
    const contenders = { reader: () => countItems(table, file), yardstick: () => yardstick(table, file) };
    const seconds = await interleave(contenders, options.repeat, processorSecondsOf);
    const [ours, theirs] = [median(seconds.reader), median(seconds.yardstick)];
    const share = theirs / ours;
    const least = promised[table.source];
    report.record({
      case: `read ${table.source}, ${sample.name}`,
      itemsPerSecond: items / ours,
      linesPerSecond: sample.linesInAll / ours,
      megabytesPerSecond: sample.text.length / ours / 1e6,
      yardstickShare: share,
      ...(least !== undefined && { promised: least, met: share >= least }),
    });
    return [
      sample.name,
      figure(sample.linesInAll / ours),
      figure(items / ours),
      figure(sample.text.length / ours / 1e6),
      table.format === 'json' ? 'JSON.parse' : 'split',
      `${figure(share)} ×`,
      least === undefined ? '' : `≥ ${least} ×: ${share >= least ? 'met' : 'missed'}`,
    ];
  });
}

/** Every so manieth of them, the first included. */
function* some<Value>(values: Iterable<Value>, step: number): Generator<Value> {
  let at = 0;
  for (const value of values) if (at++ % step === 0) yield value;
}

/** The same bytes as objects or words, and no more. */
async function yardstick({ format }: ReaderTable, file: string): Promise<number> {
  let count = 0;
  for (const line of (await readFile(file, 'utf8')).split('\n')) {
    if (line === '') continue;
    if (format === 'text') count += line.split(' ').length;
    else {
      try {
        count += JSON.parse(line) === undefined ? 0 : 1;
      } catch {
        // A cut line in a table is read as one that is malformed.
      }
    }
  }
  return count;
}

async function worstLines(tables: readonly ReaderTable[], options: BenchOptions, report: Report): Promise<void> {
  const rows: string[][] = [];
  for (const table of tables) {
    const line = readableLines(table.cases)[0] ?? table.cases[0]?.lines.at(-1) ?? '';
    let worst = { shape: '', ms: 0 };
    for (const { shape, text } of some(hardLines(line), options.small ? 10 : 1)) {
      const seconds = await withFile(`${text}\n`, async (file) => {
        const tries: number[] = [];
        for (let time = 0; time < (options.small ? 1 : 3); time++) {
          tries.push(await processorSecondsOf(() => countItems(table, file)));
        }
        return Math.min(...tries);
      });
      if (seconds * 1_000 > worst.ms) worst = { shape, ms: seconds * 1_000 };
    }
    report.record({
      case: `line of 1 MiB, ${table.source}, ${table.title}`,
      worstMs: worst.ms,
      shape: worst.shape,
      promised: lineMsMax,
      met: worst.ms < lineMsMax,
    });
    rows.push([table.title, worst.shape, `${figure(worst.ms)} ms`, worst.ms < lineMsMax ? 'met' : 'missed']);
  }
  report.text(
    `## The worst line\n\nOne line of 1 MiB, from the file to its item: a line of the table with words, quotes, brackets and the like put in at its quarters, 70 shapes in all; the slowest one, best of three, by the processor's time. No line may cost ${lineMsMax} ms.`,
  );
  report.table(['source', 'worst filling', 'time', `< ${lineMsMax} ms`], rows);
}
