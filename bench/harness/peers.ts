import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ChildLine, runChild } from './child.ts';

/** The peers' scripts, when ../shared is beside this checkout and its environment has been set up. */
export type Peers = Readonly<{
  /** Runs one of the scripts with these arguments and gives the JSON line it printed last. */
  run(script: string, args: readonly string[]): Promise<ChildLine>;
}>;

/** Undefined, with the reason, where a peer cannot be run here. `group`: the environment of setup.sh. */
export function findPeers(group = 'core'): { peers?: Peers; missing?: string } {
  const scripts = fileURLToPath(new URL('../../../shared/bench/peers', import.meta.url));
  const environments = process.env.PEERS_VENV ?? path.join(os.homedir(), '.cache', 'testudo-peers');
  const python = path.join(environments, group, 'bin', 'python');
  if (!existsSync(scripts))
    return { missing: 'the peers’ scripts (../shared/bench/peers) are not beside this checkout' };
  if (!existsSync(python))
    return { missing: `the peers’ environment is not set up: run ../shared/bench/peers/setup.sh ${group}` };
  return { peers: { run: (script, args) => runChild(python, [path.join(scripts, script), ...args]) } };
}
