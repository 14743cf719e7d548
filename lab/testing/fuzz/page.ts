import { inputsOfTurn, type Row } from './record.ts';

export type FindingLine = Readonly<{ name: string; what: string; seed: number; day: string; isMended: boolean }>;
type Decoder = Readonly<{ name: string; row: Row | undefined; corpus: number }>;

/** What the campaigns aim at, for each decoder. */
const inputsAimedAt = 10_000_000;

/** docs/benchmarks/fuzzing.md. */
export function fuzzingPage(decoders: readonly Decoder[], findings: readonly FindingLine[], machine: string): string {
  const inputsOf = ({ row }: Decoder) => (row?.turns ?? 0) * inputsOfTurn;
  const counts = decoders.map(inputsOf);
  const lines = decoders.map((decoder) => {
    const { name, row, corpus } = decoder;
    const found = row === undefined ? '' : `${row.from} | ${row.to}`;
    return `| ${name} | ${said(inputsOf(decoder))} | ${said(row?.perSecond ?? 0)} | ${corpus} | ${row?.findings.length ?? 0} | ${found || ' | '} |`;
  });
  const open = findings.filter(({ isMended }) => !isMended).length;
  return `# Fuzzing: what the campaigns have added up to

Written by \`npm run campaign:fuzz -- --continue --inputs 10000000\`, which goes on where the last one was stopped: the decoder that
was given the least is next, with ${said(inputsOfTurn)} mutants. So far ${said(counts.reduce((sum, count) => sum + count, 0))} inputs to ${decoders.length} decoders, at least
${said(Math.min(...counts))} and at most ${said(Math.max(...counts))} each; aimed at are ${said(inputsAimedAt)} each, which ${counts.filter((count) => count >= inputsAimedAt).length} of them have had. A turn is
\`npm run campaign:fuzz -- --target NAME --seed K --inputs ${inputsOfTurn}\`, K from 1; it ran on the code of its day, and so would
have to run again to say anything of a decoder that has changed since. Last written by ${machine}; \`a second\` is of one processor.
What is asked of each input: [assurance.md](../assurance.md).

| decoder | inputs | a second | corpus | findings | first day | last day |
| --- | --- | --- | --- | --- | --- | --- |
${lines.join('\n')}

## Findings

The first of each kind that a decoder gave; each was run again when this page was written. Found: ${findings.length}. Still there: ${open}.
${findings.map(({ name, what, seed, day, isMended }) => `\n- ${name}, seed ${seed}, ${day}, ${isMended ? 'mended' : '**still there**'}: ${what.replaceAll('<', '\\<')}`).join('')}
`;
}

function said(count: number): string {
  return count.toLocaleString('en');
}
