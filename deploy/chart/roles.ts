/** Values with which the chart's roles are tested: each role as somebody would set it. */
const addresses = ['coordinator.example.org:7442'];

const roles = {
  coordinator: { coordinator: { enabled: true, serverNames: ['coordinator.example.org'] } },
  workers: { coordinator: { enabled: true, redis: { secretName: 'redis' }, workers: { replicas: 2 } } },
  client: {
    client: { enabled: true, coordinator: { addresses }, hub: { enabled: true }, trustAnchor: '{"signed":{}}' },
  },
  sensors: { sensors: { enabled: true, hubAddress: 'hub.example.org' } },
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

/** Every combination of roles but none: workers bring their coordinator. And a region, alone and with workers of its own. */
export const combinations: readonly (readonly Role[])[] = [
  ...Array.from({ length: 15 }, (_, at) => independent.filter((_, bit) => ((at + 1) >> bit) & 1)),
  ['relay'],
  ['relay', 'workers'],
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
