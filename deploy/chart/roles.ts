/** Values with which the chart's roles are tested: each role as somebody would set it. */
const addresses = ['coordinator.example.org:7442'];

const roles = {
  coordinator: { coordinator: { enabled: true, serverNames: ['coordinator.example.org'] } },
  workers: { coordinator: { enabled: true, redis: { secretName: 'redis' }, workers: { replicas: 2 } } },
  client: {
    client: { enabled: true, coordinator: { addresses }, hub: { enabled: true }, trustAnchor: '{"signed":{}}' },
  },
  sensors: { sensors: { enabled: true, hubAddress: 'hub.example.org' } },
  /** What they stand in front of keeps nothing on a volume that matters. */
  doors: {
    coordinator: {
      enabled: true,
      serverNames: ['coordinator.example.org'],
      postgres: { address: 'postgres://testudo@db.example.org/testudo', secretName: 'postgres' },
      blobs: { s3: { endpoint: 'https://objects.example.org', bucket: 'herd', secretName: 's3' } },
      config: { journal: { postgres: { tls: {} } } },
      doors: {
        replicas: 2,
        postgres: { address: 'postgres://door@db.example.org/testudo', secretName: 'door-reader' },
      },
    },
  },
  /** A coordinator too, and in its place. */
  relay: {
    coordinator: {
      enabled: true,
      serverNames: ['region.example.org'],
      relay: {
        enabled: true,
        tracks: ['syscall'],
        parent: { addresses: ['root.example.org:7442'], enrolAddress: 'root.example.org:7441' },
        trustAnchor: '{"signed":{}}',
      },
    },
  },
} as const;

type Role = keyof typeof roles;
const independent = ['coordinator', 'workers', 'client', 'sensors'] as const;

/** Every combination of roles but none: workers bring their coordinator. And a region, alone and with workers of its own; and doors. */
export const combinations: readonly (readonly Role[])[] = [
  ...Array.from({ length: 15 }, (_, at) => independent.filter((_, bit) => ((at + 1) >> bit) & 1)),
  ['relay'],
  ['relay', 'workers'],
  ['doors'],
  ['doors', 'workers', 'client'],
];

/** The values of these roles together, deep. */
export function valuesOf(of: readonly Role[], more: object = {}): object {
  return [...of.map((role) => roles[role]), more].reduce<object>(merged, {});
}

function merged(a: object, b: object): object {
  const out: Record<string, unknown> = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const before = out[key];
    out[key] = isMap(before) && isMap(value) ? merged(before, value) : value;
  }
  return out;
}

const isMap = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);
