import type { ReleaseMessage } from '../../../client/releases/release-calls.ts';
import { signingKeyPairOf } from '../../../proto/envelope/crypto/keys.ts';
import type { FederationId } from '../../../proto/ids.ts';
import { decodeCatalogue } from '../../../proto/release/documents/catalogue-document.ts';
import { signCatalogue, signSnapshot, signTimestamp } from '../../../proto/release/sign.ts';
import type { Draws } from '../world/draws.ts';

/** What somebody on the line does to release metadata: shows an old set again, changes a byte, signs with his own key. */
export type Tampering = 'replay' | 'flip' | 'forge';

/** What comes out of the line for one set that went in. */
export function tampered(
  how: Tampering | undefined,
  message: ReleaseMessage,
  before: ReleaseMessage | undefined,
  federation: FederationId,
  draws: Draws,
): readonly ReleaseMessage[] {
  const { catalogue } = message.received;
  if (how === undefined || catalogue.byteLength === 0) return [message];
  switch (how) {
    case 'replay':
      return before === undefined ? [message] : [message, before];
    case 'flip': {
      const flipped = Uint8Array.from(catalogue);
      const at = draws.between('flip', 0, catalogue.byteLength - 1);
      flipped[at] = (flipped[at] as number) ^ 1;
      return [{ ...message, received: { ...message.received, catalogue: flipped } }, message];
    }
    case 'forge':
      return [message, forged(message, federation)];
  }
}

/** The same content under later versions, whole and consistent, signed by a key that no root names. */
function forged(message: ReleaseMessage, federation: FederationId): ReleaseMessage {
  const { received } = message;
  const decoded = decodeCatalogue(received.catalogue);
  if (!decoded.ok) return message;
  const thief = [signingKeyPairOf(Buffer.alloc(32, 7))];
  const version = 0xffff_fff0;
  const { expiresAtMs } = decoded.value.catalogue;
  const catalogue = signCatalogue({ ...decoded.value.catalogue, version }, federation, thief);
  const pins = received.pins.byteLength === 0 ? null : received.pins;
  const snapshot = signSnapshot({ version, expiresAtMs, catalogue, pins }, federation, thief);
  const timestamp = signTimestamp({ version, expiresAtMs, snapshot }, federation, thief);
  return { ...message, received: { ...received, roots: [], catalogue, snapshot, timestamp } };
}
