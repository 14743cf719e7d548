import type { SourceItem } from './source-item.ts';

const lookedAt = 240;
const shapeMax = 120;

/**
 * What a line looks like, and nothing of what it says: runs of letters as a{n}, of digits as 9{n}, of other characters beyond
 * ASCII as u{n}; what separates them as it stands. Of its first 240 characters, cut at 120 of its own, with its length.
 */
export function shapeOf(text: string): string {
  const shape = text
    .slice(0, lookedAt)
    .replace(/[A-Za-z]+|[0-9]+|[^\x20-\x7e]+/g, (run) => `${classOf(run)}{${run.length}}`)
    .slice(0, shapeMax);
  return text.length <= lookedAt && shape.length < shapeMax ? shape : `${shape}… (${text.length} characters)`;
}

function classOf(run: string): 'a' | '9' | 'u' {
  if (/^[A-Za-z]/.test(run)) return 'a';
  return /^[0-9]/.test(run) ? '9' : 'u';
}

/** Beside the items rather than in them: nothing that prints an item can print the line that it came of. */
const lines = new WeakMap<object, string>();

export function rememberLine(item: Extract<SourceItem, { kind: 'skipped' }>, line: string): void {
  lines.set(item, line);
}

/** The shape of the line that an item came of, where its reader told. */
export function shapeOfSkipped(item: Extract<SourceItem, { kind: 'skipped' }>): string | undefined {
  const line = lines.get(item);
  return line === undefined ? undefined : shapeOf(line);
}
