import path from 'node:path';
import { AtomicFile, makeFolder, partialOf, sharedFileMode } from '../../base/atomic-file.ts';
import type { Machine } from './machine.ts';

/** One measured case. `case` names its shape (`krum n=100 f=20 d=1e6`); the rest is what was measured, JSON. */
export type CaseLine = Readonly<{ case: string } & Record<string, unknown>>;

/** Collects what a benchmark measures: JSON lines as they come, then a results file and a page of documentation. */
export type Report = Readonly<{
  /** Prints the case as one JSON line and keeps it for the results file. */
  record(line: CaseLine): void;
  /** A paragraph (or any markdown) on the page. */
  text(markdown: string): void;
  /** A table on the page, its cells markdown. */
  table(header: readonly string[], rows: readonly (readonly string[])[]): void;
  /** A plot on the page: an SVG file written beside it. */
  plot(fileName: string, svg: string, alternative: string): void;
  /** Versions of what was measured against (`flwr 1.41.0`), for the page's head. */
  version(text: string): void;
}>;

export type Collected = Report &
  Readonly<{
    lines: readonly CaseLine[];
    /** Writes `<resultsDir>/<name>.json` and `<docsDir>/<name>.md` with its plots; returns the files' paths. */
    save(resultsDir: string, docsDir: string): string[];
  }>;

export type ReportHead = Readonly<{
  name: string;
  summary: string;
  command: string;
  machine: Machine;
  startedAt: Date;
}>;

export function collectReport(head: ReportHead, print: (line: string) => void): Collected {
  const lines: CaseLine[] = [];
  const page: string[] = [];
  const plots = new Map<string, string>();
  const versions = new Set<string>();

  return {
    lines,
    record(line) {
      lines.push(line);
      print(JSON.stringify(line));
    },
    text: (markdown) => void page.push(markdown.trim()),
    table: (header, rows) => void page.push(markdownTable(header, rows)),
    plot(fileName, svg, alternative) {
      plots.set(fileName, svg);
      page.push(`![${alternative}](${fileName})`);
    },
    version: (text) => void versions.add(text),
    save(resultsDir, docsDir) {
      const results = { ...head, startedAt: head.startedAt.toISOString(), versions: [...versions], cases: lines };
      const written = [
        writeWhole(path.join(resultsDir, `${head.name}.json`), `${JSON.stringify(results, null, 2)}\n`),
        writeWhole(path.join(docsDir, `${head.name}.md`), pageText(head, [...versions], page, lines)),
      ];
      for (const [fileName, svg] of plots) written.push(writeWhole(path.join(docsDir, fileName), svg));
      return written;
    },
  };
}

export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

function pageText(head: ReportHead, versions: string[], page: string[], lines: readonly CaseLine[]): string {
  const { machine } = head;
  return `${[
    `# Benchmark: ${head.name}`,
    head.summary,
    [
      'Generated, not typed. Every figure on this page was printed by one run of:',
      '',
      `    ${head.command}`,
      '',
      `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.os}, Node ${machine.node}; commit ` +
        `${machine.commit}; ${head.startedAt.toISOString().slice(0, 10)}.` +
        (versions.length > 0 ? ` Measured against ${versions.join(', ')}.` : ''),
      `All cases with every field: \`bench/results/${head.name}.json\`.`,
    ].join('\n'),
    ...(page.length > 0 ? page : [tableOfCases(lines)]),
  ].join('\n\n')}\n`;
}

/** What a benchmark that wrote no page of its own gets: every case with its scalar fields. */
function tableOfCases(lines: readonly CaseLine[]): string {
  const isScalar = (value: unknown) => ['number', 'string', 'boolean'].includes(typeof value);
  const fields = [...new Set(lines.flatMap((line) => Object.keys(line).filter((key) => isScalar(line[key]))))];
  return markdownTable(
    fields,
    lines.map((line) => fields.map((field) => (line[field] === undefined ? '' : String(line[field])))),
  );
}

function writeWhole(filePath: string, text: string): string {
  makeFolder(path.dirname(filePath));
  // A run that is stopped half-way leaves the last whole results.
  const file = new AtomicFile(filePath, { mode: sharedFileMode, temporary: partialOf(filePath) });
  file.write(Buffer.from(text));
  file.commit({ durable: false });
  return filePath;
}
