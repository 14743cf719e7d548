import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { ensurePrivateFolder, isMissing, writeFileAtomic } from '../../base/atomic-file.ts';
import { didYouMean } from '../../base/text/nearest.ts';
import { readWholeText } from '../../base/text/read-whole.ts';
import { exitWith } from '../exit.ts';

/** What a newer build wrote beside these is passed over, and stays in the file. */
const context = z.looseObject({ credentials: z.string().min(1), address: z.string().min(1).optional() });
const file = z.looseObject({ current: z.string().nullable(), contexts: z.record(z.string(), context) });

/** Whom a command speaks to, and as whom. */
export type Context = z.infer<typeof context>;
export type Contexts = z.infer<typeof file>;

/** Where this user's contexts are: paths of credentials and addresses, nothing secret. */
function pathOf(environment: NodeJS.ProcessEnv): string {
  const { TESTUDO_CONFIG_HOME: own, XDG_CONFIG_HOME: usual } = environment;
  return join(own ?? join(usual ?? join(homedir(), '.config'), 'testudo'), 'contexts.json');
}

export function readContexts(environment = process.env): Contexts {
  const path = pathOf(environment);
  try {
    return file.parse(JSON.parse(readWholeText(path)));
  } catch (error) {
    if (isMissing(error)) return { current: null, contexts: {} };
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === undefined
        ? 'is not what `testudo context` writes: move it aside'
        : `cannot be read (${code}): ${elsewhere}`;
    return exitWith({ code: 'CONTEXTS_UNREADABLE', message: `${path} ${why}` });
  }
}

const elsewhere = 'mend that, or name another folder by TESTUDO_CONFIG_HOME';

/** Makes the folder of contexts, for who will write one at the end of much work; ends the process where that cannot be. */
export function prepareContexts(environment = process.env): void {
  readContexts(environment);
  const folder = dirname(pathOf(environment));
  try {
    ensurePrivateFolder(folder);
    accessSync(folder, constants.W_OK);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    exitWith({ code: 'CONTEXTS_UNWRITABLE', message: `${folder} takes no context (${code}): ${elsewhere}` });
  }
}

export async function writeContexts(contexts: Contexts, environment = process.env): Promise<void> {
  const path = pathOf(environment);
  ensurePrivateFolder(dirname(path));
  await writeFileAtomic(path, `${JSON.stringify(contexts, null, 2)}\n`);
}

/** The context of this name; ends the process where there is none. */
export function contextOf({ contexts }: Contexts, name: string): Context {
  const found = Object.hasOwn(contexts, name) ? contexts[name] : undefined;
  if (found !== undefined) return found;
  const known = Object.keys(contexts).sort();
  const others = didYouMean(name, known) || `; there are: ${known.join(', ') || 'none'}`;
  return exitWith({ code: 'CONTEXT_NOT_FOUND', message: `there is no context ${name}${others}` });
}

/** The one that is asked for, or the current one; undefined where there is neither. */
export function chosenContext(wanted: string | undefined, environment = process.env): Context | undefined {
  const contexts = readContexts(environment);
  const name = wanted ?? contexts.current;
  return name === null ? undefined : contextOf(contexts, name);
}
