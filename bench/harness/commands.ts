import { join } from 'node:path';
import { lastLines, startMember } from '../../lab/rig/member.ts';
import { checkout } from '../../tools/setup/places.mjs';

/** The command's program. */
export const testudo = join(checkout, 'cli', 'testudo.ts');

/** Runs `testudo …` to its end, as a process of its own that says what it says to a file in `folder`. */
export function commandIn(folder: string) {
  let count = 0;
  return async (...words: readonly string[]) => {
    count += 1;
    const args = [testudo, ...words];
    const command = await startMember({ name: words.join(' '), args, logFile: join(folder, `command-${count}.log`) });
    await command.exited;
    return { code: command.exitCode(), error: await lastLines(command) };
  };
}
