import { describe, expect, it } from 'vitest';
import { verdictFor } from './verdict.ts';

describe('verdicts', () => {
  it('follow the gRPC status where the code is of a newer build, and give up on what nobody knows', () => {
    const of = (code: string, status?: string) =>
      verdictFor({ code, message: '', ...(status === undefined ? {} : { fields: { status } }) });
    expect(of('NEWER_CODE', 'UNAVAILABLE')).toBe('retry');
    expect(of('NEWER_CODE', 'ABORTED')).toBe('trainAgain');
    expect(of('NEWER_CODE', 'PERMISSION_DENIED')).toBe('giveUp');
    expect(of('NEWER_CODE')).toBe('giveUp');
    // The code knows better than the status that carries it.
    expect(of('OFFSET_MISMATCH', 'ABORTED')).toBe('retry');
  });
});
