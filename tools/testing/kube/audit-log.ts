import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * What the account `agent` of a namespace asked the API server, by its audit log, in the order of its lines. `folder`: the control
 * plane's. `about`: what else a line must hold. One that is not whole, as the server's own end leaves it, is left out.
 */
export async function askedByAgent<Line>(folder: string, namespace: string, about = ''): Promise<Line[]> {
  const user = `"username":"system:serviceaccount:${namespace}:agent"`;
  const log = await readFile(join(folder, 'audit.log'), 'utf8');
  return log
    .split('\n')
    .filter((line) => line.includes(user) && line.includes(about))
    .flatMap((line) => parsed(line) as Line[]);
}

function parsed(line: string): unknown[] {
  try {
    return [JSON.parse(line)];
  } catch {
    return [];
  }
}
