import { userInfo } from 'node:os';

/** The name of whoever types; their number where the system has no name for it, as in a container that runs as any number. */
export function ownName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.()}`;
  }
}
