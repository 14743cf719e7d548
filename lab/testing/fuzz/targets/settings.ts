import type { Result } from '../../../../base/fault.ts';
import type { SettingSources } from '../../../../base/settings.ts';
import { parseHelperConfig } from '../../../../client/capture/helper-config.ts';
import { parseClientConfig } from '../../../../client/config.ts';
import { parseAgentConfig } from '../../../../client/response/agent-config.ts';
import { parseSensorConfig } from '../../../../client/sensor-config.ts';
import { parseConfig } from '../../../../coordinator/config/config.ts';
import { parseTrackPolicy } from '../../../../coordinator/config/policy.ts';
import { refused, type Target, textOf } from '../target.ts';

type File = Required<Pick<SettingSources, 'file'>>;

/** A file of settings: those who write it may be mistaken, and tools that write it for others may be deceived. */
function settings(
  name: string,
  texts: readonly string[],
  parse: (sources: File) => Result<unknown>,
  words: readonly string[],
): Target {
  return {
    name,
    words: [...words, '\n', '&a ', '*a', '<<: *a', '!!binary ', '? ', '- ', '__proto__: {a: 1}\n', '|\n ', '{', '}'],
    seeds: () => texts.map((text) => Buffer.from(text)),
    inputsInTests: 200,
    read(bytes) {
      const parsed = parse({ file: { path: '/etc/testudo/settings.yaml', text: textOf(bytes) } });
      return parsed.ok ? { kind: 'read', value: parsed.value } : refused(parsed.fault.code);
    },
  };
}

const coordinator = `federation: herd
dataDirectory: data
masterKey: {file: master.key}
listen: {enrolment: "127.0.0.1:1", federation: "127.0.0.1:2"}
tracks: [{id: syscall, spec: s.json, model: m.f32, policy: p.yaml}]
redis: {url: "redis://127.0.0.1:6379"}
`;

const client = `dataDirectory: /d
coordinator: {addresses: ["localhost:7442"]}
tracks: [syscall]
sources: [{kind: tetragonFile, path: /t}]
hub: {listen: "0.0.0.0:7443", admissionListen: "0.0.0.0:7444", admission: {kind: file, path: /token}}
`;

const sensor = `dataDirectory: data
node: n1
hub: {address: "hub:7443", admissionAddress: "hub:7444", authorityFile: ca.pem}
sources: [{kind: tetragonGrpc, address: "unix:///var/run/tetragon.sock"}]
`;

export const settingTargets: readonly Target[] = [
  settings('coordinator-settings', [coordinator], parseConfig, ['limits: {}', 'dashboard: {}', 'connections: {}']),
  settings('client-settings', [client], parseClientConfig, [
    'training: {}\n',
    'sources: [{kind: ofTrack, track: syscall, settings: &a [*a]}]\n',
  ]),
  settings('sensor-settings', [sensor], parseSensorConfig, ['tracks: []']),
  settings('agent-settings', ['dataDirectory: data\nnamespaces: [shop]\n'], parseAgentConfig, [
    'quarantine: {cluster: eu-1, releases: r.json, alerts: [a]}\n',
    'rotation: {}\n',
  ]),
  settings(
    'helper-settings',
    ['dataDirectory: d\ncertificateFile: c\nkeyFile: k\nauthorityFile: a\n'],
    parseHelperConfig,
    ['cgroups: {parent: kubelet}\n'],
  ),
  settings(
    'track-policy',
    ['aggregation: {f: 1}\nrounds: {}\nschedule: null\n', 'aggregation: {f: 2, rule: krum}\ngate: {hoursMax: 1}\n'],
    ({ file }) => parseTrackPolicy(file.text),
    ['optimiser: {kind: adam}\n', 'sample: {mix: 0.5}\n', 'training: {epochs: 1}\n'],
  ),
];
