import './base/require-node.mjs';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';
import { LongestFirst } from './tools/testing/longest-first.mjs';
import { ownProcessTests } from './tools/testing/own-process.mjs';
import { bringPackages } from './tools/testing/packages.mjs';
import { recycledForks } from './tools/testing/recycled-forks.mjs';
import { longTests, shortVariable } from './tools/testing/which-tests.mjs';

/** A seed for late answers of disks and networks: `npm run campaign:weather` sets it. */
const weather = (process.env.TESTUDO_WEATHER ?? '') !== '';
/** What test processes, and all that they start, load before anything else. */
const first = ['stripped.mjs', 'light-scrypt.mjs', ...(weather ? ['weather/weather.ts'] : [])].flatMap((name) => [
  '--import',
  new URL(`./tools/testing/${name}`, import.meta.url).href,
]);
const compiled = fileURLToPath(new URL('./node_modules/.cache/testudo-compiled/', import.meta.url));
const folders = '{base,proto,aggregation,coordinator,client,relay,door,cli,dashboard,demo,deploy,lab,tools,bench}';
/** Tests that need a Kubernetes control plane: one is built and started before the first of them. */
const kube = `${folders}/**/*.kube.test.ts`;
/** Tests that need an object store which is built for them (tools/testing/stores): they wait for it, and so run with those. */
const stores = `${folders}/**/*.stores.test.ts`;
/** Tests of container images, which are built for them: they need root and runtimes for containers. */
const images = `${folders}/**/*.images.test.ts`;
const short = shortVariable in process.env;
// Roots of images do not hold the library that makes the weather.
const leftOut = [...(short ? longTests() : []), ...(short || weather ? [images] : [])];

const all = `${folders}/**/*.test.ts`;
/** Tests that measure or change what belongs to a whole process. */
const own = ownProcessTests(all);

export default defineConfig({
  test: {
    // Files wait a fifth of their time, for disks and for processes: two at once left a machine of two cores idle as long.
    pool: 'forks',
    maxWorkers: 3,
    // Node loads our sources itself, as it does in production; nothing here needs what Vite would make of them.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    sequence: { sequencer: LongestFirst },
    setupFiles: [
      ...['equal-bytes', 'record-cost', 'file-end'].map((name) => `./tools/testing/${name}.mjs`),
      ...(weather ? ['./tools/testing/weather/file-begin.ts'] : []),
    ],
    // Threads inherit the argument, processes the variable.
    execArgv: first,
    // Other people's packages are read from a few files instead of five hundred, by test processes too.
    // What V8 compiles is kept by the processes and threads that tests start, a fifth of the start of each. The test processes
    // read of it what they load too; they are ended from outside, and so keep nothing of what vitest names anew in each run.
    env: {
      NODE_OPTIONS: first.join(' '),
      NODE_COMPILE_CACHE: compiled,
      TESTUDO_TEST_PACKAGES: await bringPackages(),
    },
    // For what hangs, and for nothing else: the same test takes three times as long on another machine that has more to do.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 300_000 } },
    projects: [
      {
        extends: true,
        test: { name: 'own', include: own, exclude: [...configDefaults.exclude, kube, stores, ...leftOut] },
      },
      {
        extends: true,
        test: {
          name: 'shared',
          include: [all],
          exclude: [...configDefaults.exclude, kube, stores, ...own, ...leftOut],
          isolate: false,
          pool: recycledForks(600 * 2 ** 20),
        },
      },
      {
        extends: true,
        test: {
          name: 'kube',
          include: [kube],
          globalSetup: './tools/testing/kube/shared-plane.ts',
        },
      },
      { extends: true, test: { name: 'stores', include: [stores] } },
    ],
    coverage: {
      provider: 'v8',
      include: ['{base,proto,aggregation,coordinator,client,relay,door,cli}/**/*.ts'],
      exclude: ['**/*.test.ts', '**/generated/**', '**/assembly/**'],
    },
  },
});
