import { realpathSync } from 'node:fs';
import { usage } from '../exit.ts';

/** Ends the process where the output would take the place of a file that is read; "-" is none. */
export function refuseOverwriting(output: string, inputs: readonly string[], option = '--output'): void {
  const place = placeOf(output);
  if (place === undefined) return;
  for (const input of inputs) {
    if (placeOf(input) === place)
      usage(`${option}: ${output} is also an input (${input}) and would be overwritten; choose another place`);
  }
}

/** undefined: no file is there. */
function placeOf(path: string): string | undefined {
  if (path === '-') return undefined;
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
