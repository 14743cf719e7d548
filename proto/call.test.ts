import { Metadata, status } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { faultOfError } from './call.ts';
import { faultCodeKey, faultMessageKey } from './wire-names.ts';

function refusal(code: string, message?: string) {
  const metadata = new Metadata();
  metadata.set(faultCodeKey, code);
  if (message !== undefined) metadata.set(faultMessageKey, Buffer.from(message));
  return Object.assign(new Error(code), { code: status.PERMISSION_DENIED, details: code, metadata });
}

it('says of a code that came alone what it means; of one that this build does not know, that it was refused', () => {
  expect(faultOfError(refusal('OPERATOR_REMOVED'))).toMatchObject({
    code: 'OPERATOR_REMOVED',
    message: 'the operator was removed; refused by the coordinator (PERMISSION_DENIED)',
    fields: { status: 'PERMISSION_DENIED' },
  });
  for (const code of ['OF_LATER', 'CONSTRUCTOR']) {
    expect(faultOfError(refusal(code)).message).toBe('refused by the coordinator (PERMISSION_DENIED)');
  }
});

it('goes by the message where one was sent', () => {
  expect(faultOfError(refusal('LAST_ADMIN', 'make another admin first')).message).toBe('make another admin first');
});
