// usage: unpack-once.mjs WHEEL SHA256, with TESTUDO_CACHE set. One run of the library step on a wheel of the test's own.
import { withCache } from '../setup/cache.mjs';
import { createProgress } from '../setup/progress.mjs';
import { ensureLibrary } from '../setup/tensorflow-library.mjs';
import { pin } from '../setup/tensorflow-pin.mjs';

const [localWheel = '', sha256 = ''] = process.argv.slice(2);
const say = (/** @type {string} */ sentence) => process.stderr.write(`${sentence}\n`);
await withCache({ heldFds: [], say }, async (cache) => {
  const own = /** @type {import('../setup/tensorflow-pin.mjs').WheelPin} */ ({ ...pin, sha256 });
  process.stdout.write(await ensureLibrary({ cache, pin: own, progress: createProgress(), localWheel }));
});
