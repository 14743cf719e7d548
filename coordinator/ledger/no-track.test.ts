import { expect, it } from 'vitest';
import { noTrack } from './no-track.ts';

it('a track that there is not is answered with the one that was probably meant, else with all, in order', () => {
  const tracks = new Map(['flow', 'syscall', 'api'].map((name) => [name, {}] as const));
  const messageOf = (name: string, known: ReadonlyMap<string, unknown>) => {
    const refused = noTrack(name, { tracks: known });
    expect(refused).toMatchObject({ ok: false, fault: { code: 'TRACK_NOT_FOUND' } });
    return refused.ok ? '' : refused.fault.message;
  };
  expect(messageOf('syscal', tracks)).toMatch(/^there is no track syscal\b.*\bsyscall\b/);
  expect(messageOf('syscal', tracks)).not.toContain('flow');
  expect(messageOf('entirely-other', tracks)).toBe('there is no track entirely-other; tracks: api, flow, syscall');
  expect(messageOf('entirely-other', new Map())).toBe('there is no track entirely-other; tracks: none');
});
