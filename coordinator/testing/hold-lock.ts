import { writeSync } from 'node:fs';
import { unwrap } from '../../base/fault.ts';
import { lockDataDir } from '../ledger/data-dir-lock.ts';

/** Run as a process by lock tests: takes the lock, says so, and holds it until killed. */
unwrap(lockDataDir(process.argv[2] as string));
writeSync(1, 'locked\n');
setInterval(() => {}, 60_000);
