import { fileURLToPath } from 'node:url';
import { type ChildLine, runChild } from '../harness/child.ts';

const caseFile = fileURLToPath(new URL('./case.ts', import.meta.url));
const filesFile = fileURLToPath(new URL('./files.ts', import.meta.url));

/** aggregation-case.ts in a process of its own. */
export const runOurCase = (args: readonly string[]) => runScript(caseFile, args);

/** aggregation-files.ts in a process of its own. */
export const runOurFiles = (args: readonly string[]) => runScript(filesFile, args);

function runScript(file: string, args: readonly string[]): Promise<ChildLine> {
  return runChild(process.execPath, ['--disable-warning=ExperimentalWarning', file, ...args]);
}
