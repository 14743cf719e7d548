import type { SeenPeer } from '../../../proto/generated/testudo/v1/doors.ts';
import type { Peer } from '../peer.ts';

const uriCharactersMax = 256;
const addressCharactersMax = 64;

/** Whom a door says that it has seen, as a transport of ours would say it. Nobody, where it says nothing legal. */
export function seenBy(door: string, peer: SeenPeer | undefined): Peer & Readonly<{ door: string }> {
  const { uri = '', serial = '', expiresAtMs = 0n, address = '' } = peer ?? {};
  const isLegal = uri.length <= uriCharactersMax && /^[0-9a-fA-F]{1,40}$/.test(serial);
  return {
    door,
    address: /^[0-9a-zA-Z.:%-]+$/.test(address) && address.length <= addressCharactersMax ? address : `door ${door}`,
    certificate: isLegal ? { uri, serial, expiresAtMs: Number(expiresAtMs) } : undefined,
  };
}
