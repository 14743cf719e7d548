import { writeSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { unwrap } from '../fault.ts';
import { lockFolder } from '../folder-lock.ts';

/** Run as a process by lock tests: takes the lock, forgets it as careless code may, says so, and holds it until killed. */
unwrap(lockFolder(process.argv[2] as string));
setFlagsFromString('--expose-gc');
runInNewContext('gc')();
writeSync(1, 'locked\n');
setInterval(() => {}, 60_000);
