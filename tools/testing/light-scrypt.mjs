/**
 * Derives keys from master keys at a thirty-second of the price, in test processes and in all that they start: sixty
 * milliseconds and 32 MiB at each opening of a vault were a fifteenth of what all tests cost. Loaded by `--import`.
 *
 * A vault opens only at the price at which it was made, so all processes of a test have to agree, and do: they inherit this.
 * What an earlier build left, and the price itself, are tested in files that set TESTUDO_WHOLE_SCRYPT; the package and the
 * images run as they are.
 */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

const { scrypt } = crypto;

/** @type {(...args: Parameters<typeof scrypt>) => void} */
const light = (password, salt, bytes, options, done) => {
  const { N = 0 } = options;
  const whole = process.env.TESTUDO_WHOLE_SCRYPT !== undefined || N < 1_024;
  scrypt(password, salt, bytes, whole ? options : { ...options, N: N / 32 }, done);
};

// `node:crypto` says that it has a form without options too, which nothing of ours calls.
crypto.scrypt = /** @type {typeof scrypt} */ (light);
syncBuiltinESMExports();
