/**
 * Public keys that no honest generator makes and that break what rests on them. Lists: RFC 7748 section 6.1 and
 * Bernstein, "Curve25519: new Diffie-Hellman speed records" (https://cr.yp.to/ecdh.html#validate); for Ed25519,
 * Chalkias, Garillot, Nikolaenko, "Taming the many EdDSAs", SSR 2020, table 1. Public values: no constant time needed.
 */
const p = 2n ** 255n - 19n;
const d = 37095705934669439343138083508754565189542113879843219016388785533085940283555n; // -121665/121666 mod p.
const signBit = 2n ** 255n;

/** u coordinates of small order, on the curve or its twist: multiplying by any clamped scalar gives zero. */
const weakX25519 = new Set([
  0n,
  1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n, // Order 8.
  39382357235489614581723060781553021112529911719440698176882885853963445705823n, // Order 8.
  p - 1n,
]);

/** y coordinates of the eight points of small order; either sign of x. */
const weakEd25519 = new Set([
  0n, // Order 4.
  1n, // The neutral element.
  p - 1n, // Order 2.
  2707385501144840649318225287225658788936804267575313519463743609750303021254n, // Order 8.
  55188659117513257062467267217118295137698188065244968500265048394206261417927n, // Order 8.
]);

/** What makes 32 bytes unfit as a peer's X25519 key, or nothing. */
export function x25519Fault(key: Uint8Array): string | undefined {
  const u = littleEndian(key);
  if (u >= p) return 'not the canonical encoding of a point';
  return weakX25519.has(u) ? 'a point of small order, which makes the shared secret zero' : undefined;
}

/** What makes 32 bytes unfit as a peer's Ed25519 key, or nothing. */
export function ed25519Fault(key: Uint8Array): string | undefined {
  const y = littleEndian(key) % signBit;
  if (y >= p) return 'not the canonical encoding of a point';
  if (weakEd25519.has(y)) return 'a point of small order, for which one signature fits many messages';
  return isKnownOnCurve(y) ? undefined : 'not a point on the curve';
}

/** Points seen last: a root names the same few keys each time that it is read, and the test below takes half a millisecond. */
const seenPoints = new Map<bigint, boolean>();
const seenPointsMax = 1_024;

function isKnownOnCurve(y: bigint): boolean {
  const known = seenPoints.get(y);
  if (known !== undefined) return known;
  const isOn = isOnCurve(y);
  if (seenPoints.size >= seenPointsMax) seenPoints.clear();
  seenPoints.set(y, isOn);
  return isOn;
}

/** Whether x² = (y² - 1) / (d·y² + 1) has a solution: Euler's criterion on numerator · denominator. */
function isOnCurve(y: bigint): boolean {
  const square = (y * y) % p;
  const value = ((square - 1n + p) * (d * square + 1n)) % p;
  return power(value, (p - 1n) / 2n) === 1n; // Never 0 here: x = 0 is at y = 1 and y = -1, both listed above.
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % p;
    if (bit === '1') result = (result * base) % p;
  }
  return result;
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}
