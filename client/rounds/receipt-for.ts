import { type Result, refuse } from '../../base/fault.ts';
import type { UpdateHeader } from '../../proto/envelope/header.ts';
import { type Receipt, verifyReceipt } from '../../proto/envelope/receipt.ts';
import { receiptFromWire } from '../../proto/envelope/wire.ts';
import type { Receipt as ReceiptMessage } from '../../proto/generated/testudo/v1/common.ts';

/** The receipt, where it is the coordinator's signed statement about exactly this update. */
export function receiptFor(
  header: UpdateHeader,
  message: ReceiptMessage | undefined,
  receiptKey: Uint8Array,
): Result<Receipt, 'RECEIPT_INVALID'> {
  if (message === undefined) return invalid('the answer holds none');
  const checked = receiptFromWire(message);
  if (!checked.ok) return checked;
  const receipt = checked.value;
  const matches = (['federation', 'track', 'round', 'cluster', 'payload'] as const).every(
    (field) => receipt[field] === header[field],
  );
  if (!matches) return invalid('it speaks of another update');
  const verified = verifyReceipt(receipt, message.signature, receiptKey);
  return verified.ok ? verified : invalid('its signature is not that of the coordinator we enrolled with');
}

function invalid(why: string) {
  return refuse('RECEIPT_INVALID', `receipt: ${why}; the update is kept and offered again`);
}
