import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { Receipt as WireReceipt } from '../generated/testudo/v1/common.ts';
import { UpdateHeader as WireHeader } from '../generated/testudo/v1/federation.ts';
import { checkHeader } from './header.ts';
import { checkReceipt } from './receipt.ts';
import { codeOf } from './samples.ts';
import vectors from './vectors.json' with { type: 'json' };
import { headerFromWire, headerToWire, receiptFromWire, receiptToWire } from './wire.ts';

const signature = Buffer.from(vectors.header.signature, 'hex');

describe('wire', () => {
  it('carries a header through protobuf unchanged, its signature beside it', () => {
    const header = unwrap(checkHeader(vectors.header.fields));
    const message = WireHeader.decode(WireHeader.encode(headerToWire(header, signature, 42)).finish());
    expect(unwrap(headerFromWire(message))).toEqual(header);
    expect(message).toMatchObject({ signature, resumeOffset: 42n });
  });

  it('carries a receipt through protobuf unchanged, its signature beside it', () => {
    const receipt = unwrap(checkReceipt(vectors.receipt.fields));
    const message = WireReceipt.decode(WireReceipt.encode(receiptToWire(receipt, signature)).finish());
    expect(unwrap(receiptFromWire(message))).toEqual(receipt);
    expect(message.signature).toEqual(signature);
  });

  it('refuses an empty message, and sizes beyond 2^53', () => {
    const empty = WireHeader.decode(Buffer.alloc(0));
    expect(codeOf(headerFromWire(empty))).toBe('HEADER_INVALID');
    expect(codeOf(receiptFromWire(WireReceipt.decode(Buffer.alloc(0))))).toBe('RECEIPT_INVALID');
    const message = headerToWire(unwrap(checkHeader(vectors.header.fields)), signature, 0);
    for (const size of [0n, 2n ** 31n, 2n ** 53n, 2n ** 64n - 1n]) {
      const sent = WireHeader.decode(WireHeader.encode({ ...message, plainBytes: size }).finish());
      expect(codeOf(headerFromWire(sent))).toBe('HEADER_INVALID');
    }
  });
});
