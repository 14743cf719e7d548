// Runs the Redis step without the rights to install anything, and prints what it refuses with.

import { installRedis } from '../setup/debian/redis.mjs';
import { SetupFault } from '../setup/fault.mjs';
import { createProgress } from '../setup/progress.mjs';

if (process.getuid?.() === 0) process.setuid?.(65534); // nobody
try {
  await installRedis(createProgress(), { heldFds: [] });
} catch (error) {
  if (!(error instanceof SetupFault)) throw error;
  const { step, cause, remedy } = error;
  process.stdout.write(JSON.stringify({ step, cause, remedy }));
}
