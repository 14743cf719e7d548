import type { z } from 'zod';

/**
 * The first member, by its path, of a file of ours that its strict schema does not know: then the file is not damaged, and a newer
 * build wrote it. Undefined where none is.
 */
export function newerMember({ issues }: z.ZodError): string | undefined {
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys') return [...issue.path, issue.keys[0]].join('.');
  }
  return undefined;
}
