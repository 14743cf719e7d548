import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { exitWith } from '../exit.ts';

/** Ends the process where a folder was never an agent's: to say that all of nothing is whole would mislead. */
export function placeIn(dataDir: string): string {
  if (existsSync(dataDir)) return join(dataDir, 'evidence');
  const message = `${dataDir} is not there; give the data directory of a response agent, or a copy of it`;
  return exitWith({ code: 'EVIDENCE_MISSING', message });
}

/** An agent makes the folder at its first start: where it is gone, so is what was in it. */
export function chainFolder(dataDir: string): string {
  const folder = placeIn(dataDir);
  if (existsSync(join(folder, 'evidence.key'))) return folder;
  const message = `${folder} has no evidence.key: it was taken away, or no agent that quarantines ever ran here`;
  return exitWith({ code: 'EVIDENCE_MISSING', message });
}
