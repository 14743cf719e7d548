import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { isMissing, writeFileAtomic } from '../../../base/atomic-file.ts';
import { canonicalJson } from '../../../base/canonical-json.ts';
import {
  checkEvidenceReceipt,
  type EvidenceReceipt,
  verifyEvidenceReceipt,
} from '../../../proto/envelope/evidence-receipt.ts';

/** A receipt of the coordinator's journal, with the key that signed it. */
export type KeptReceipt = Readonly<{ receipt: EvidenceReceipt; signature: Uint8Array; key: Uint8Array }>;

const shape = z.strictObject({
  format: z.literal('testudo/evidence-receipts/1'),
  receipts: z.array(
    z.strictObject({
      receipt: z.unknown(),
      signature: z.string().regex(/^[0-9a-f]{128}$/),
      key: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
});
/** The last one of a chain speaks for all records before it. */
const receiptsMax = 256;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));

/** Where an agent keeps its receipts: beside the chain, for who takes the chain away takes its folder. */
export const receiptFile = 'evidence-receipts.json';

/** The receipts of an agent, oldest first: those whose signature is of the key beside it. Rejects on what cannot be read. */
export async function readReceipts(path: string): Promise<readonly KeptReceipt[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (text === undefined) return [];
  const parsed = shape.safeParse(jsonOf(text));
  if (!parsed.success) throw new Error(`${path}: not as an agent writes it`);
  return parsed.data.receipts.map(({ receipt, signature, key }) => {
    const checked = checkEvidenceReceipt(receipt);
    const kept = { signature: bytesOf(signature), key: bytesOf(key) };
    const verified = checked.ok ? verifyEvidenceReceipt(checked.value, kept.signature, kept.key) : checked;
    if (!verified.ok) throw new Error(`${path}: ${verified.fault.message}`);
    return { receipt: verified.value, ...kept };
  });
}

/** Adds one; the newest are kept. */
export async function keepReceipt(path: string, before: readonly KeptReceipt[], added: KeptReceipt) {
  const kept = [...before, added].slice(-receiptsMax);
  const receipts = kept.map(({ receipt, signature, key }) => ({ receipt, signature: hex(signature), key: hex(key) }));
  await writeFileAtomic(path, canonicalJson({ format: 'testudo/evidence-receipts/1', receipts }));
  return kept;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
