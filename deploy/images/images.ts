/** The images that Testudo comes in, as data: what runs in each, and what it may do without. */
export type ImageName = 'coordinator' | 'client' | 'sensor';

export type ImageSpec = Readonly<{
  name: ImageName;
  /** `org.opencontainers.image.description`. */
  description: string;
  /** Verbs of the command line that it holds; the others' code is not in it. */
  verbs: readonly string[];
  /** What runs when nothing is said. */
  command: readonly string[];
  /** Native TensorFlow, which is four fifths of an image that has it. */
  tensorflow: boolean;
  /** Files of the built package that modules read without naming them one by one: folders below dist/. */
  assets: readonly string[];
  /** Environment variables, `NAME=value`, beside those of every image. */
  env: readonly string[];
  /** TCP ports that it serves by default. */
  ports: readonly number[];
}>;

const sightOfCalls = ['data/syscalls'];

/**
 * A node's memory is others': one heap of the C library's that gives back what is freed, small young generations in each of
 * the four threads, and a heap that is cleaned before the sensor's budget is passed. With the default model this took a sensor's
 * peak from 282 to 188 MB and what it kept from 252 to 116 MB, where nothing but these settings differed.
 */
const leanMemory = [
  'MALLOC_ARENA_MAX=1',
  'MALLOC_TRIM_THRESHOLD_=65536',
  'NODE_OPTIONS=--max-semi-space-size=1 --max-old-space-size=96',
];

/**
 * What an agent in the sensor's image runs with. A cluster's pods may be many: its heap ends where its container does, not where a
 * sensor's would.
 */
export const agentEnv: readonly string[] = leanMemory.map((line) =>
  line.startsWith('NODE_OPTIONS=') ? 'NODE_OPTIONS=--max-semi-space-size=1' : line,
);

/**
 * What a coordinator runs with: buffers of 1 MiB and more go back to the system when they are freed, and threads share two arenas of
 * glibc's instead of keeping one each. With 200 clusters its peak is some 60 MiB lower. What smaller ones leave free at an arena's end
 * stays up to 16 MiB: by default 128 KiB do, and half of a round's page faults were for pages that had just been given back.
 */
const returnedMemory = ['MALLOC_ARENA_MAX=2', 'MALLOC_MMAP_THRESHOLD_=1048576', 'MALLOC_TRIM_THRESHOLD_=16777216'];

export const images: Readonly<Record<ImageName, ImageSpec>> = {
  coordinator: {
    name: 'coordinator',
    description: 'Testudo coordinator, its doors and aggregation workers',
    verbs: [
      ...[
        'coordinator',
        'door',
        'relay',
        'worker',
        'status',
        'dashboard',
        'cluster',
        'clusters',
        'tokens',
        'operators',
        'doors',
        'tracks',
        'model',
        'policy',
        'rounds',
        'releases',
        'antibodies',
      ],
      ...[
        'channels',
        'promote',
        'rollback',
        'gate',
        'pin',
        'unpin',
        'pins',
        'response',
        'freeze',
        'unfreeze',
        'freezes',
        'root',
        'audit',
        'alerts',
      ],
    ],
    command: ['coordinator', '--config', '/etc/testudo/coordinator.yaml'],
    tensorflow: true,
    assets: [...sightOfCalls, 'proto/testudo', 'dashboard/dist'],
    env: returnedMemory,
    ports: [7441, 7442, 7443, 7445],
  },
  client: {
    name: 'client',
    description: "Testudo client: one cluster's learner, release agent and hub of its sensors",
    verbs: [
      ...['client', 'agent', 'alerts', 'feedback', 'profile', 'score', 'explain', 'evaluate', 'map'],
      ...['quarantine', 'evidence', 'posture'],
    ],
    command: ['client', '--config', '/etc/testudo/client.yaml'],
    tensorflow: true,
    assets: sightOfCalls,
    env: [],
    ports: [7443, 7444, 9464],
  },
  sensor: {
    name: 'sensor',
    description: "Testudo sensor: one node's eyes, scoring with the light form",
    verbs: ['sensor', 'agent', 'rotation', 'node-helper'],
    command: ['sensor', '--config', '/etc/testudo/sensor.yaml'],
    tensorflow: false,
    assets: sightOfCalls,
    env: leanMemory,
    ports: [9465],
  },
};

/** Verbs of a person's own machine: they need recorded data, kubectl, or strace. */
export const verbsInNoImage: readonly string[] = [
  'completion',
  'context',
  'demo',
  'down',
  'drill',
  'man',
  'record',
  'setup',
  'simulate',
  'up',
];

export const imageNames = Object.keys(images) as readonly ImageName[];
