import { type ClientConfig, readClientConfig } from '../client/config.ts';
import { orExit, usage } from './exit.ts';

/** The configuration of the client on this machine, from a file or the environment alone; ends the command where there is none. */
export function localClient(path: string | undefined, otherwise = ''): ClientConfig {
  const read = readClientConfig(path, { environment: process.env });
  if (!read.ok && path === undefined) usage(`which client? Name its configuration with --config FILE${otherwise}`);
  return orExit(read);
}
