import { expect, it } from 'vitest';
import { expectNamed, type NamedTest } from './response/testing/named-tests.ts';

const podWatch = 'client/kube/pod-watch.kube.test.ts';
const reflector = 'client/kube/reflector.test.ts';
const sensor = 'client/sensor.test.ts';
const hub = 'client/hub/hub.test.ts';
const ahead = 'client/hub/releases/fetch-ahead.test.ts';
const spool = 'client/sensor/spool.test.ts';

/** What may go wrong around a cluster's client and its sensors, each with the tests that hold it. */
const faults: Readonly<Record<string, readonly NamedTest[]>> = {
  'no API server for two minutes': [
    [podWatch, 'goes through two minutes without an API server'],
    [podWatch, 'goes on where it was after the API server was killed'],
  ],
  'a version that the API server has forgotten (410)': [
    [podWatch, 'lists again where the server has forgotten its version'],
    [reflector, 'lists again when its version is gone'],
  ],
  'a token that is replaced': [
    [podWatch, 'takes a new token when the old one ends'],
    [reflector, 'reads the token anew for each request'],
  ],
  'a client that is killed during a release': [
    ['client/killed-hub.test.ts', 'a hub that is killed twice during a release'],
    ['client/releases/killed-agent.test.ts', '$moment runs the model that was verified'],
    [sensor, 'loses no alert and raises none twice when it is killed while its hub is away'],
  ],
  'a release while the client still loads the one before': [
    [ahead, 'has the files of a new release for sensors'],
    [ahead, 'keeps what it fetched ahead'],
    ['client/hub/releases/release-service.test.ts', 'lets one sensor more than it sends to at once wait its turn'],
  ],
  'a sensor that is killed at any moment': [
    ['client/killed-sensor.test.ts', 'a sensor that is killed at any moment'],
    [sensor, 'loses no alert and raises none twice when it is killed while its hub is away'],
  ],
  'a hub that is away for an hour': [['client/sensor/hub-away.test.ts', 'an hour without a hub costs no alert']],
  "a node's socket that goes and comes back": [
    ['client/sources/tetragon-grpc/raw-stream.test.ts', 'follows a Unix socket that goes and comes back'],
    ['client/sources/tetragon.test.ts', 'reads GetEvents, comes back when the stream breaks'],
  ],
  'fifty sensors that come back at once': [[hub, 'takes fifty sensors back that connect at once']],
  'a full disk under the spool': [
    [spool, 'keeps every alert on a disk that is really full'],
    [sensor, 'raises its alerts with the model that it has while its disk is full'],
  ],
  'a sensor in the hands of an attacker': [
    [hub, 'refuses what is too long or lies about a content'],
    [hub, 'takes a batch in without the alerts in it that are none'],
    ['client/hub/delivery.test.ts', 'raises no alert about a pod of another node'],
    [hub, 'lets nobody in whose certificate is of another authority'],
    [sensor, 'refuses a release whose files were altered at its hub'],
  ],
};

it.each(Object.entries(faults))('%s: each test of it is there', (what, held) => expectNamed(what, held));

/**
 * What others' clients of the API server fell into, by the numbers of the design's list that client/response/traps.test.ts
 * leaves out: this house has a client of its own, which must not fall into the same.
 */
const traps: Readonly<Record<number, readonly [what: string, ...held: readonly NamedTest[]]>> = {
  32: [
    'a watch that an error ends for good',
    [reflector, 'goes on after a list met %s', 'a connection that is cut'],
    [reflector, 'goes on after a list met %s', '429'],
    [reflector, 'goes on after a list met %s', '500'],
  ],
  33: [
    'a watch that is quiet is opened anew each half minute, and one that is dead never',
    [reflector, 'lists by pages and once, watches on from there by bookmarks'],
    [reflector, 'takes 90 seconds of silence for death'],
  ],
  34: ['a connection for each request', [reflector, 'lists by pages and once, watches on from there by bookmarks']],
  35: ['a token that cannot be read ends the process', [reflector, 'reads the token anew for each request']],
  36: [
    'a watch that is closed during its list begins all the same',
    [reflector, 'asks nothing any more once it is closed'],
  ],
  37: ['lists that are not by pages', [reflector, 'lists by pages and once, watches on from there by bookmarks']],
  38: ['nobody leads: of agents alone', ['client/response/cluster/lease.test.ts', 'lets one lead']],
  39: [
    'errors in other shapes',
    [reflector, 'goes on after a list met %s', 'something that is no JSON'],
    [reflector, 'goes on after a list met %s', 'JSON of another kind'],
    [reflector, 'goes on from where it was after a watch ended with %s', 'a line that is no event'],
  ],
  40: [
    'a token that is held too long, and blamed on others',
    [podWatch, 'takes a new token when the old one ends'],
    ['client/hub/token-review.test.ts', 'tells a refusal of the server from one of the token'],
  ],
};

it("each trap of others' clients has a test that is there", () => {
  expect(Object.keys(traps).map(Number)).toEqual(Array.from({ length: 9 }, (_, at) => 32 + at));
  for (const [number, [what, ...held]] of Object.entries(traps)) expectNamed(`${number}: ${what}`, held);
});
