import { ok } from '../../../base/fault.ts';
import type { Pins } from './catalogue.ts';
import { decodeDocument, headOf } from './document.ts';
import { pinsShape } from './shapes.ts';

export function decodePins(bytes: Uint8Array) {
  const decoded = decodeDocument('pins', pinsShape, bytes);
  if (!decoded.ok) return decoded;
  const { content, signed } = decoded.value;
  const head = headOf(content);
  const pins: Pins = {
    version: head.version,
    expiresAtMs: head.expiresAtMs,
    pins: content.pins,
    ...(content.antibodies !== undefined && { antibodies: content.antibodies }),
    ...(content.response !== undefined && { response: content.response }),
  };
  return ok({ head, signed, pins });
}
