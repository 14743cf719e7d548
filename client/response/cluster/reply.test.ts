import { describe, expect, it } from 'vitest';
import { refusalIn } from './reply.ts';

const status = (code: number, more: object) => JSON.stringify({ kind: 'Status', status: 'Failure', code, ...more });
const caused = (reason: string, more: object = {}) => ({ details: { causes: [{ reason, message: 'm' }], ...more } });
const read = (code: number, text: string, retryAfterSeconds: number | null = null) =>
  refusalIn({ status: code, text, retryAfterSeconds }, 'POST /x');

describe('refusalIn', () => {
  it.each([
    ['a budget with nothing left', 429, status(429, caused('DisruptionBudget')), null, 'BUDGET_NONE_LEFT', null],
    [
      'a budget that nobody has looked at',
      ...[429, status(429, caused('DisruptionBudget', { retryAfterSeconds: 10 })), 10, 'BUDGET_UNOBSERVED', 10_000],
    ],
    ['a busy server', 429, status(429, { reason: 'TooManyRequests' }), 1, 'THROTTLED', 1_000],
    ['a busy server that says nothing more', 429, '{}', 7, 'THROTTLED', 7_000],
    [
      'a busy server before it has looked at the request',
      ...[429, 'Too many requests, please try again later.\n', 1, 'THROTTLED', 1_000],
    ],
    [
      'two budgets on one pod, as a 500',
      ...[500, status(500, { message: 'This pod has more than one PodDisruptionBudget, which the eviction' })],
      ...[null, 'BUDGET_MULTIPLE', null],
    ],
    [
      'two budgets on one pod, as a 201 whose body is a failure',
      ...[
        201,
        status(500, { message: 'This pod has more than one PodDisruptionBudget' }),
        null,
        'BUDGET_MULTIPLE',
        null,
      ],
    ],
    ['any failure in a 200', 200, status(409, { reason: 'Conflict' }), null, 'POD_CHANGED', null],
    ['a failure without a code in a 201', 201, '{"kind":"Status","status":"Failure"}', null, 'CLUSTER_REFUSED', null],
    ['a namespace that ends', 403, status(403, caused('NamespaceTerminating')), null, 'NAMESPACE_TERMINATING', null],
    [
      'a missing right',
      403,
      status(403, { message: 'cannot create resource "pods/eviction"' }),
      null,
      'FORBIDDEN',
      null,
    ],
    ['a token that ended', 401, status(401, {}), null, 'CREDENTIALS_REFUSED', null],
    ['a version that is too old', 410, status(410, { reason: 'Expired' }), null, 'CLUSTER_REFUSED', null],
    ['a pod that is gone', 404, status(404, {}), null, 'POD_GONE', null],
    [
      'a patch that names another uid',
      422,
      status(422, { message: 'metadata.uid: immutable' }),
      null,
      'POD_CHANGED',
      null,
    ],
    ['half a body of a success', 201, '{"kind":"Status","stat', null, 'OUTCOME_UNKNOWN', null],
    ['an empty answer', 200, '', null, 'OUTCOME_UNKNOWN', null],
    ['a timeout of the server', 504, status(504, { reason: 'Timeout' }), null, 'OUTCOME_UNKNOWN', null],
  ] as const)('reads %s', (_what, code, text, retryAfter, expected, waitMs) => {
    const got = read(code as number, text as string, retryAfter as number | null);
    expect(got).toMatchObject({ ok: false, fault: { code: expected }, retryAfterMs: waitMs });
  });

  it('refuses nothing where status and body agree that it was done', () => {
    expect(read(201, '{"kind":"Status","status":"Success"}')).toBeUndefined();
    expect(read(200, '{"kind":"Pod","metadata":{}}')).toBeUndefined();
  });

  it('says what the server said, such as the right that is missing, on one line and no longer than it must be', () => {
    const said = read(403, status(403, { message: `cannot create\nresource "pods/eviction" ${'x'.repeat(2_000)}` }));
    expect(said).toMatchObject({
      fault: { message: expect.stringContaining('cannot create resource "pods/eviction"') },
    });
    expect(!said?.ok && said?.fault.message.length).toBeLessThanOrEqual(300);
  });

  it('waits for nobody longer than five minutes', () => {
    expect(read(429, '{}', 86_400)?.retryAfterMs).toBe(300_000);
  });
});
