import { z } from 'zod';
import type { Result } from '../base/fault.ts';
import { readSettings, type SettingRules, type SettingSources } from '../base/settings.ts';
import { address, dataKey, dataKeySource, listen, path, secret, secretSource, track } from '../client/config-parts.ts';
import type { SecretSource } from '../client/link/join-token-source.ts';
import type { DataKeySource } from '../client/storage/data-key.ts';

/** What `testudo relay` obeys: a coordinator's configuration, and how its region is a member of the parent. */
const schema = z.strictObject({
  /** The region's coordinator: its file, as `testudo coordinator init` made it. */
  coordinator: path.default('./coordinator.yaml'),
  parent: z.strictObject({
    /** The parent's coordinator; tried in turn. */
    addresses: z.tuple([address], address),
    /** Where Enrol is served; the first address unless said otherwise. */
    enrolAddress: address.optional(),
    silenceSecondsMax: z.number().min(1).max(3_600).default(75),
    reconnectSecondsMax: z.number().min(0.01).max(3_600).default(60),
  }),
  /** Of the parent; needed until the region is enrolled there. */
  joinToken: secret.optional(),
  /** What the region is as a member: its identity, its update on the way, the parent's releases. The relay's alone. */
  dataDirectory: path.default('./parent'),
  /** What encrypts that identity at rest; a key file beside it unless said otherwise. */
  dataKey: dataKey.optional(),
  /** Root metadata of the parent that came by hand. Without it the first root that the parent presents is trusted. */
  trustAnchor: path.optional(),
  health: z
    .strictObject({
      /** Plain HTTP, of the side to the parent: /healthz, /readyz, /score, /metrics. Null: none. Keep it inside. */
      listen: listen.nullable().default('127.0.0.1:9464'),
    })
    .prefault({}),
  /** Tracks of the region that take part in the parent's rounds; each needs `upward: true` in its policy. */
  tracks: z.array(track).min(1).max(16),
});

type Raw = z.infer<typeof schema>;

/** The whole configuration: checked, paths absolute, frozen. */
export type RelayConfig = Readonly<
  Omit<Raw, 'joinToken' | 'dataKey'> & { joinToken: SecretSource | undefined; dataKey: DataKeySource }
>;

const rules: SettingRules<Raw, RelayConfig> = {
  schema,
  prefix: 'TESTUDO_RELAY_',
  fromEnvironment: ['coordinator', 'dataDirectory', 'health.listen'],
  resolved: ({ joinToken, dataKey: key, trustAnchor, ...raw }, absolute) => ({
    ...raw,
    coordinator: absolute(raw.coordinator),
    dataDirectory: absolute(raw.dataDirectory),
    ...(trustAnchor !== undefined && { trustAnchor: absolute(trustAnchor) }),
    joinToken: joinToken === undefined ? undefined : secretSource(joinToken, absolute),
    dataKey: dataKeySource(key, absolute),
  }),
  problemsOf: ({ tracks }) =>
    tracks.filter((id, at) => tracks.indexOf(id) !== at).map((id) => `tracks: ${id} is listed twice`),
};

/** Reads the file, lays environment and settings over it, and reports every problem together. */
export function readRelayConfig(
  file: string,
  rest: Omit<SettingSources, 'file'> = {},
): Result<RelayConfig, 'CONFIG_INVALID'> {
  return readSettings(file, rest, rules, '; `testudo relay init` makes one');
}

/** The JSON Schema of relay.yaml, for editors. */
export function relayConfigJsonSchema(): object {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
}
