import { describe, expect, it } from 'vitest';
import { exposureOf, lastingCodes, lastingFindings } from './exposure.ts';

const locked = {
  name: 'c',
  image: 'web:1',
  securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, runAsNonRoot: true },
};
const open = {
  hostNetwork: true,
  hostPID: true,
  hostIPC: true,
  containers: [
    { name: 'a', securityContext: { privileged: true, capabilities: { add: ['SYS_ADMIN'] } } },
    { ...locked, volumeMounts: [{ name: 'node' }, { name: 'token' }] },
  ],
  volumes: [
    { name: 'node', hostPath: { path: '/' } },
    { name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
  ],
};

describe('lastingFindings', () => {
  it('are those that no update of a pod can change, each once whichever containers have it', () => {
    expect(lastingFindings(open)).toEqual(lastingCodes);
    // A tag and limits can be changed in place: what rests on them would be another thing tomorrow.
    expect(lastingFindings({ containers: [locked] })).toEqual([]);
    expect(lastingFindings({ containers: [locked, { name: 'b' }, { name: 'c' }] })).toEqual([
      'RUNS_AS_ROOT',
      'ESCALATION',
      'WRITABLE_ROOT',
    ]);
    expect(lastingFindings(structuredClone(open))).toBe(lastingFindings(open));
  });

  it('are none where nobody wrote a pod', () => {
    for (const spec of [undefined, null, 7, { containers: 'x' }]) expect(lastingFindings(spec)).toEqual([]);
  });
});

describe('exposureOf', () => {
  it('is a twelfth for each point of weight, and at most 1', () => {
    expect(exposureOf([])).toBe(0);
    expect(exposureOf(['WRITABLE_ROOT'])).toBeCloseTo(1 / 12, 12);
    expect(exposureOf(['RUNS_AS_ROOT', 'RUNS_AS_ROOT', 'ESCALATION', 'TOKEN_MOUNTED'])).toBe(0.5);
    expect(exposureOf(lastingCodes)).toBe(1);
  });
});
