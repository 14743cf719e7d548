import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const page = fileURLToPath(new URL('../../docs/benchmarks/faults.md', import.meta.url));

/** Writes one part of docs/benchmarks/faults.md, which begins with its heading, and leaves the other campaigns' as they are. */
export function writeFaults(heading: string, body: string): void {
  const [title = '# Faults\n', ...parts] = readFileSync(page, 'utf8').split(/^(?=## )/m);
  const others = parts.filter((part) => !part.startsWith(`## ${heading}\n`));
  const all = [...others, `## ${heading}\n\n${body.trim()}\n\n`].sort();
  writeFileSync(page, `${[title, ...all].join('').trimEnd()}\n`);
}

/** The options of a campaign as they stand on a command line, those that were left out too: what the page says it was written by. */
export function asCalled(options: Readonly<Record<string, string>>): string {
  return Object.entries(options)
    .map(([name, value]) => `--${name} ${value}`)
    .join(' ');
}
