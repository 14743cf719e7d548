import { expect, it } from 'vitest';
import { parseClientConfig } from './config.ts';

const least = {
  dataDirectory: '/d',
  coordinator: { addresses: ['localhost:7442'] },
  tracks: ['syscall'],
  sources: [{ kind: 'tetragonFile', path: '/t' }],
};
const hub = { listen: '0.0.0.0:7443', admissionListen: '0.0.0.0:7444', admission: { kind: 'file', path: '/token' } };

function problemsOf(settings: object): string {
  const parsed = parseClientConfig({ file: { path: '/client.yaml', text: JSON.stringify({ ...least, ...settings }) } });
  return parsed.ok ? '' : parsed.fault.message;
}

it('a client says which addresses it cannot listen on, and which have one port', () => {
  expect(problemsOf({ hub })).toBe('');
  expect(problemsOf({ hub: { ...hub, admissionListen: '127.0.0.1:7443' } })).toContain(
    'hub.admissionListen and hub.listen have the same port 7443',
  );
  expect(problemsOf({ health: { listen: '127.0.0.1:99999' } })).toContain(
    'health.listen: expected host:port with a port up to 65535',
  );
});

it('a client says which ways there are to give a join token', () => {
  expect(problemsOf({ joinToken: 'testudo1.s3cret' })).toMatch(
    /joinToken: expected \{ file \} or \{ environment \}, got a text$/,
  );
});

it('a client takes settings that hold themselves as it takes others, for the track that is asked about them', () => {
  const text = `${JSON.stringify({ ...least, sources: undefined }).slice(0, -1)},sources: [{kind: ofTrack, track: syscall, settings: &a {b: *a}}]}`;
  const parsed = parseClientConfig({ file: { path: '/client.yaml', text } });
  expect(parsed.ok ? parsed.value.sources : parsed.fault.message).toMatchObject([{ kind: 'ofTrack' }]);
});
