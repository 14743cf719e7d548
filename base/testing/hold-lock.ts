import { writeSync } from 'node:fs';
import { unwrap } from '../fault.ts';
import { lockFolder } from '../folder-lock.ts';

/** Run as a process by lock tests: takes the lock, says so, and holds it until killed. */
unwrap(lockFolder(process.argv[2] as string));
writeSync(1, 'locked\n');
setInterval(() => {}, 60_000);
