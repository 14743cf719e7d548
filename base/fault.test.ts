import { describe, expect, it } from 'vitest';
import { FaultError, ok, type Result, refuse, unwrap } from './fault.ts';

describe('fault', () => {
  it('carries code, message and fields as data that survives a copy to another thread', () => {
    const refused = refuse('TOO_LARGE', 'model: 9 bytes; at most 8', { bytes: 9 });
    expect(structuredClone(refused)).toEqual({
      ok: false,
      fault: { code: 'TOO_LARGE', message: 'model: 9 bytes; at most 8', fields: { bytes: 9 } },
    });
  });

  it('has no fields member where there are none', () => {
    expect(Object.keys(refuse('NO', 'no').fault)).toEqual(['code', 'message']);
  });

  it('unwraps a value, undefined too, and throws a fault with its code', () => {
    expect(unwrap(ok(undefined))).toBeUndefined();
    const refused: Result<number, 'NO'> = refuse('NO', 'not today');
    expect(() => unwrap(refused)).toThrow(new FaultError({ code: 'NO', message: 'not today' }));
    expect(new FaultError(refused.fault)).toMatchObject({ name: 'FaultError', message: 'NO: not today' });
  });
});
