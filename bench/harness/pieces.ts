import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sharedFileMode, writeFileAtomic } from '../../base/atomic-file.ts';
import { describeMachine } from './machine.ts';
import { type CaseLine, markdownTable, type Report } from './report.ts';

/** One part of a benchmark as it was measured last: its figures, its paragraphs, and at which commit. */
export type Piece = Readonly<{
  name: string;
  commit: string;
  measuredAt: string;
  cases: readonly CaseLine[];
  page: readonly string[];
}>;

/** Parts that are measured one by one, since the whole takes most of an hour and machines are shared: `bench/results/<bench>/<part>.json`. */
export function piecesOf(bench: string) {
  const fileOf = (name: string) => fileURLToPath(new URL(`../results/${bench}/${name}.json`, import.meta.url));
  /** undefined for one that was never measured. */
  const keptPiece = (name: string): Piece | undefined =>
    existsSync(fileOf(name)) ? (JSON.parse(readFileSync(fileOf(name), 'utf8')) as Piece) : undefined;
  return {
    keptPiece,

    /** Measures one part and keeps it in the place of an earlier one. `report` hears of its cases, not of its paragraphs. */
    async measurePiece(name: string, measure: (report: Report) => Promise<void> | void, report: Report): Promise<void> {
      const cases: CaseLine[] = [];
      const page: string[] = [];
      await measure({
        record: (line) => {
          cases.push(line);
          report.record(line);
        },
        text: (markdown) => void page.push(markdown.trim()),
        table: (header, rows) => void page.push(markdownTable(header, rows)),
        plot: () => {
          throw new Error('a part of a benchmark draws nothing');
        },
        version: report.version,
      });
      const { commit } = describeMachine();
      const piece: Piece = { name, commit, measuredAt: new Date().toISOString(), cases, page };
      await writeFileAtomic(fileOf(name), `${JSON.stringify(piece, null, 1)}\n`, { mode: sharedFileMode });
    },

    /** The page: what is kept of these parts, one after the other, each with the commit that it was measured at. */
    writePieces(names: readonly string[], report: Report): void {
      report.text(`Measured in parts, each kept in \`bench/results/${bench}/\` with its commit.`);
      for (const name of names) {
        const piece = keptPiece(name);
        if (piece === undefined) {
          report.text(`**${name}**: not measured yet (\`node bench/run.ts ${bench} --only ${name}\`).`);
          continue;
        }
        for (const paragraph of piece.page) report.text(paragraph);
        report.text(`Measured on ${piece.measuredAt.slice(0, 10)} at ${piece.commit}.`);
        for (const line of piece.cases) report.record(line);
      }
    },
  };
}
