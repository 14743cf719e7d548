import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

/** For what hangs, and for nothing else: a machine that has more to do takes its time. */
export const waitMsMax = 300_000;

/** The machine's own Chromium, without a window. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: onPath('chromium'),
    timeout: waitMsMax,
    // As root in a container it has no sandbox of its own; it sees nothing but our loopback.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--force-color-profile=srgb'],
  });
}

function onPath(program: string): string {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return join(folder, program);
    } catch {
      // Perhaps in the next one.
    }
  }
  throw new Error(`${program} is not on PATH: npm run setup installs it, or says how`);
}
