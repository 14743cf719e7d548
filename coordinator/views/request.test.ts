import { expect, it } from 'vitest';
import { isClusterId, isDigest, isRoundId } from '../../proto/ids.ts';
import { checkId } from './request.ts';

it.each([
  [
    'EU.west',
    isClusterId,
    '1 to 63 of a-z, 0-9 and "-", starting and ending with a letter or digit, such as "eu-west-1"; got "EU.west"',
  ],
  ['', isClusterId, 'such as "eu-west-1"; got ""'],
  ['x'.repeat(200), isClusterId, `got "${'x'.repeat(80)}"`],
  ['7', isRoundId, 'such as "r-42"; got "7"'],
  ['sha256:0', isDigest, '64 lower-case hexadecimal digits, such as'],
])('a text that is no id, such as %j, is refused with what an id would be', (text, is, says) => {
  const message = expect.stringContaining(says);
  expect(checkId<string>('field', text, is)).toMatchObject({ fault: { code: 'REQUEST_INVALID', message } });
  expect(checkId<string>('field', text, is)).toMatchObject({
    fault: { message: expect.stringMatching(/^field: expected /) },
  });
});
