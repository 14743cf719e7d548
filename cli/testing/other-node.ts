import { spawnSync } from 'node:child_process';

/** Another Node than 22 that stands on this machine beside ours; undefined where there is none. */
export function otherNode(): string | undefined {
  return ['/usr/bin/node', '/usr/local/bin/node'].find((node) => {
    const { stdout, status } = spawnSync(node, ['--version'], { encoding: 'utf8', env: withoutOptions() });
    return status === 0 && !stdout.startsWith('v22.');
  });
}

/** The options that tests give to their own Node are none of another's. */
export function withoutOptions(): NodeJS.ProcessEnv {
  return { ...process.env, NODE_OPTIONS: '' };
}
