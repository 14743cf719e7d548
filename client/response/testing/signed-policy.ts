import { signCatalogue, signPins } from '../../../proto/release/sign.ts';
import {
  herd,
  keyPair,
  pointAt,
  sampleCatalogue,
  samplePins,
  sampleRoot,
  signedRoot,
} from '../../../proto/release/testing/sample-federation.ts';
import { type ResponsePolicy, responsePolicyJson } from '../../../proto/response-policy.ts';

const dayMs = 86_400_000;

/** The file in which a hub keeps the signed set that it relays, with this policy among the pins. `by`: who signs the pins. */
export function relayedFile(
  policy: ResponsePolicy | undefined,
  nowMs: number,
  { version = 1, by = [30, 31] }: Readonly<{ version?: number; by?: readonly number[] }> = {},
): string {
  const expiresAtMs = Math.floor(nowMs / 1_000) * 1_000 + 30 * dayMs;
  const response = policy === undefined ? {} : { response: responsePolicyJson(policy) };
  const pins = signPins(samplePins({ version, expiresAtMs, ...response }), herd, by.map(keyPair));
  const catalogue = signCatalogue(sampleCatalogue({ version, expiresAtMs }), herd, [keyPair(20)]);
  const head = { version, expiresAtMs };
  const { snapshot, timestamp } = pointAt({ catalogue, pins }, { snapshot: head, timestamp: head });
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const root = signedRoot(sampleRoot(undefined, { expiresAtMs: expiresAtMs + dayMs }));
  const set = { timestamp: text(timestamp), snapshot: text(snapshot), catalogue: text(catalogue), pins: text(pins) };
  return JSON.stringify({ roots: [text(root)], set, labels: {} });
}
