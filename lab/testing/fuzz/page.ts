import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Row = Readonly<{ name: string; inputs: number; perSecond: number; corpus: number; findings: number }>;

/** Writes docs/benchmarks/fuzzing.md. */
export function writePage(rows: readonly Row[], by: Readonly<{ seed: number; machine: string; node: string }>): void {
  const inputs = rows.reduce((sum, row) => sum + row.inputs, 0);
  const lines = rows.map(
    (row) =>
      `| ${row.name} | ${row.inputs.toLocaleString('en')} | ${row.perSecond.toLocaleString('en')} | ${row.corpus} | ${row.findings} |`,
  );
  const text = `# Fuzzing: the last campaign

Written by \`npm run campaign:fuzz -- --write\`: ${inputs.toLocaleString('en')} inputs to ${rows.length} decoders, seed ${by.seed}, Node
${by.node.slice(1)}, ${by.machine}. What is asked of each input, and what was found so far: [assurance.md](../assurance.md).

| decoder | inputs | a second | corpus | findings |
| --- | --- | --- | --- | --- |
${lines.join('\n')}
`;
  writeFileSync(join(import.meta.dirname, '../../../docs/benchmarks/fuzzing.md'), text);
}
